"""Lifetimes of real processes, and the questions that come before the work."""

import json
import os
import signal
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from onbox.engines.openai.attached import AttachedServer
from onbox.errors import BoxError, EngineError
from onbox.evidence.records import StandUp
from onbox.launch.lifetime import Lifetime
from onbox.launch.ports import free_port, port_open
from onbox.schema.recipe import Recipe, Serve, Weights
from onbox.watch.recording import WatchRecording
from onbox.watch.watcher import Tracker
from tests.doubles.busy_server import busy_server
from tests.doubles.engine import FakeEngine
from tests.doubles.server import ReceivedRequest, Wire, closed_port, serving
from tests.doubles.waiting import gone, until

RECIPE = Recipe(name="small", engine="fake", weights=Weights(path="x.gguf"))


def life(folder: Path, recipe: Recipe = RECIPE, patience_s: float = 30.0, **options: Any) -> Lifetime:
    return Lifetime(recipe, FakeEngine(options), Path("x.gguf"), folder, patience_s=patience_s)


def record(folder: Path) -> StandUp:
    return StandUp.model_validate_json((folder / "phases.json").read_text())


class TestLifetime:
    def test_comes_up_late_works_and_is_proven_gone(self, tmp_path: Path) -> None:
        observations: list[tuple[str, bool]] = []
        lifetime = Lifetime(
            RECIPE,
            FakeEngine({"ready_after": 3}),
            Path("x.gguf"),
            tmp_path,
            on_phase=lambda phase, seconds: observations.append((phase, seconds is not None)),
        )
        with lifetime as up:
            assert up.alive()
            up.check()
            assert up.pid is not None
            assert psutil.pid_exists(up.pid)
            with up.client() as client:
                assert client.get("/v1/models").status == 200
            before = record(tmp_path)
            assert before.stopped is None
        after = record(tmp_path)
        assert [phase.name for phase in after.phases] == ["start", "load", "ready", "first token"]
        assert observations == [
            (name, ended) for name in ("start", "load", "ready", "first token") for ended in (False, True)
        ]
        assert after.ready_s is not None
        assert after.ready_s == pytest.approx(sum(phase.seconds for phase in after.phases), abs=0.01)
        assert (after.engine, after.engine_version, after.props["model"]) == ("fake", "fake 1", "fake-model")
        assert after.argv[0] == sys.executable
        assert after.stopped is not None
        assert (after.stopped.how, after.stopped.exit_code) == ("asked", -signal.SIGTERM)
        assert (after.stopped.process_gone, after.stopped.port_closed) == (True, True)
        assert not psutil.pid_exists(up.pid)

    def test_kernels_that_are_compiled_are_a_phase_with_their_file(self, tmp_path: Path) -> None:
        compiler = tmp_path / "nvcc"
        compiler.write_text("#!/bin/bash\nsleep 8\n")
        compiler.chmod(0o755)
        with life(tmp_path / "standup", compiles=[str(compiler), "-c", "gen/sampling.cu", "-o", "sampling.o"]):
            pass
        phases = record(tmp_path / "standup").phases
        assert [phase.name for phase in phases] == ["start", "load", "kernels", "ready", "first token"]
        assert [phase.detail for phase in phases] == ["", "", "sampling.cu", "", ""]

    def test_dies_at_start_and_its_last_lines_are_quoted(self, tmp_path: Path) -> None:
        with pytest.raises(EngineError) as caught, life(tmp_path, lines="unknown architecture", exit_code=3):
            pass
        assert caught.value.message == (
            "small: the engine died at start (exit code 3); its last output: loading unknown architecture"
        )
        assert caught.value.next_step == f"look at the fake. The whole log: {tmp_path / 'engine.log'}"
        stopped = record(tmp_path).stopped
        assert stopped is not None
        assert (stopped.how, stopped.exit_code, stopped.process_gone) == ("died", 3, True)

    def test_a_program_that_is_not_there(self, tmp_path: Path) -> None:
        lifetime = Lifetime(RECIPE, FakeEngine(command=("/no/such/engine",)), Path("x"), tmp_path)
        with pytest.raises(EngineError, match="cannot start: /no/such/engine: No such file"), lifetime:
            pass
        stopped = record(tmp_path).stopped
        assert stopped is not None
        assert stopped.how == "died"

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"token": {}}, r"status 200: \{\}"),
            ({"token": {"choices": []}}, "status 200"),
            ({"token": {"error": {"message": "no slot"}}}, "no slot"),
            ({"status": 500, "token": {"error": "broken"}}, "status 500"),
        ],
        ids=["nothing", "no choice", "an error", "status 500"],
    )
    def test_ready_but_gives_no_token(self, tmp_path: Path, options: dict[str, Any], message: str) -> None:
        with pytest.raises(EngineError, match=f"small: up, but gives no token: .*{message}"), life(tmp_path, **options):
            pass
        stopped = record(tmp_path).stopped
        assert stopped is not None
        assert (stopped.how, stopped.process_gone) == ("asked", True)
        assert record(tmp_path).ready_s is None

    def test_a_token_that_shows_no_text_is_a_token(self, tmp_path: Path) -> None:
        silent = {"choices": [{"message": {"content": None}, "finish_reason": "length"}]}
        with life(tmp_path, token=silent) as up:
            assert up.alive()

    def test_never_ready(self, tmp_path: Path) -> None:
        with pytest.raises(EngineError, match=r"hung in phase ready: no progress for .*log: loaded") as raised:
            life(tmp_path, patience_s=4.0, ready_after=10_000).__enter__()
        assert str(tmp_path / "hung.json") in raised.value.next_step
        observation = json.loads((tmp_path / "hung.json").read_text())
        assert (observation["state"], observation["phase"]) == ("hung", "ready")
        assert {"counters", "log"} <= {each["name"] for each in observation["evidence"]["witnesses"]}
        tracker = Tracker(4.0)
        assert [tracker.take(each).state for each in WatchRecording(tmp_path / "samples.jsonl")][-1] == "hung"
        stopped = record(tmp_path).stopped
        assert stopped is not None
        assert (stopped.process_gone, stopped.port_closed) == (True, True)

    def test_a_slow_start_that_gets_on_is_waited_for(self, tmp_path: Path) -> None:
        with life(tmp_path, patience_s=4.0, loads_s=8) as up:
            assert up.alive()
        load = next(phase for phase in record(tmp_path).phases if phase.name == "load")
        assert load.seconds > 7
        assert load.peak_bytes is not None
        assert load.peak_bytes > 70_000_000
        assert load.available_min_bytes is not None

    def test_a_wedged_first_token_is_found_though_everything_is_green(self, tmp_path: Path) -> None:
        with pytest.raises(EngineError, match=r"hung in phase serving: .*tokens: 1 requests run, 5 tokens and no more"):
            life(tmp_path, patience_s=6.0, wedges=True).__enter__()
        stopped = record(tmp_path).stopped
        assert stopped is not None
        assert (stopped.process_gone, stopped.port_closed) == (True, True)

    def test_dies_while_it_works(self, tmp_path: Path) -> None:
        with life(tmp_path, dies_when_asked=True) as up:
            with up.client() as client:
                assert client.post("/chat/completions", {}, purpose="agent").error
            with pytest.raises(EngineError, match=r"died while it worked; its last output: .*assertion failed: tensor"):
                up.check()
        stopped = record(tmp_path).stopped
        assert stopped is not None
        assert (stopped.how, stopped.exit_code) == ("died", 7)

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills a child with its parent")
    def test_a_supervisor_that_is_killed_takes_the_engine_along(self, tmp_path: Path) -> None:
        with life(tmp_path) as up:
            assert up.pid is not None
            engine = psutil.Process(up.pid)
            os.kill(engine.ppid(), signal.SIGKILL)
            until(lambda: gone(engine.pid))
            assert not up.alive()
        stopped = record(tmp_path).stopped
        assert stopped is not None
        assert (stopped.how, stopped.port_closed) == ("killed", True)

    def test_whatever_breaks_the_body_the_engine_is_stopped(self, tmp_path: Path) -> None:
        with pytest.raises(KeyboardInterrupt), life(tmp_path) as up:
            raise KeyboardInterrupt
        stopped = record(tmp_path).stopped
        assert stopped is not None
        assert stopped.how == "asked"
        assert not port_open("127.0.0.1", up.endpoint.port)

    def test_settings_of_the_recipe_reach_the_process(self, tmp_path: Path) -> None:
        port = free_port()
        serve = Serve(port=port, environment={"FAKE_SETTING": "flash"})
        with life(tmp_path, RECIPE.model_copy(update={"serve": serve})) as up:
            assert up.endpoint.port == port
        assert "loading  flash" in (tmp_path / "engine.log").read_text()

    def test_a_port_that_is_taken_is_named_with_its_owner(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as owner:
            port = owner.getsockname()[1]
            with pytest.raises(BoxError, match=rf"small: serve\.port: {port} is taken by process {os.getpid()} \(.+\)"):
                life(tmp_path, RECIPE.model_copy(update={"serve": Serve(port=port)}))

    def test_an_earlier_log_is_not_read_again(self, tmp_path: Path) -> None:
        (tmp_path / "engine.log").write_text("loading\nloaded\n")
        with life(tmp_path, ready_after=1):
            pass
        assert (tmp_path / "engine.log").read_text().count("loaded") == 1


class TestAttached:
    def test_is_asked_and_left_running(self, tmp_path: Path) -> None:
        def script(request: ReceivedRequest, wire: Wire) -> None:
            answers = {"/v1/models": {"data": [{"id": "served", "max_model_len": 4096}]}, "/version": {"version": "1"}}
            chat = {"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}]}
            known = request.method == "POST" or request.path in answers
            wire.whole(200 if known else 404, chat if request.method == "POST" else answers.get(request.path, {}))

        with serving(script) as server:
            recipe = Recipe(name="x", engine="attached", url=server.url)
            with Lifetime(recipe, AttachedServer(), None, tmp_path) as up:
                assert (up.model, up.pid, up.alive()) == ("served", os.getpid(), True)
            assert port_open("127.0.0.1", server.port)
        after = record(tmp_path)
        assert (after.argv, after.engine_version) == ((), "1")
        assert after.props == {"model": "served", "owned_by": None, "max_model_len": 4096, "version": "1"}
        assert after.stopped is not None
        assert after.stopped.how == "left running"

    def test_one_that_dies_meanwhile_is_not_left_running(self, tmp_path: Path) -> None:
        def script(request: ReceivedRequest, wire: Wire) -> None:
            chat = {"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}]}
            wire.whole(200, chat if request.method == "POST" else {"data": [{"id": "served"}]})

        with serving(script) as server, ExitStack() as stack:
            recipe = Recipe(name="x", engine="attached", url=server.url)
            stack.enter_context(Lifetime(recipe, AttachedServer(), None, tmp_path))
            lives = stack.pop_all()
        assert not port_open("127.0.0.1", server.port)
        lives.close()
        after = record(tmp_path)
        assert after.stopped is not None
        assert (after.stopped.how, after.stopped.port_closed) == ("died", True)

    def test_one_too_busy_to_accept_a_connection_is_left_running(self, tmp_path: Path) -> None:
        def script(request: ReceivedRequest, wire: Wire) -> None:
            chat = {"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}]}
            wire.whole(200, chat if request.method == "POST" else {"data": [{"id": "served"}]})

        with ExitStack() as stack:
            with serving(script) as server:
                recipe = Recipe(name="x", engine="attached", url=server.url)
                stack.enter_context(Lifetime(recipe, AttachedServer(), None, tmp_path))
                lives = stack.pop_all()
            stack.enter_context(busy_server(server.port))
            assert not port_open("127.0.0.1", server.port)
            lives.close()
        after = record(tmp_path)
        assert after.stopped is not None
        assert after.stopped.how == "left running"

    def test_nobody_there(self, tmp_path: Path) -> None:
        recipe = Recipe(name="x", engine="attached", url=f"http://127.0.0.1:{closed_port()}")
        with pytest.raises(BoxError, match=r"no OpenAI-compatible server: ConnectionRefusedError"):
            Lifetime(recipe, AttachedServer(), None, tmp_path).__enter__()

    def test_another_kind_of_server(self, tmp_path: Path) -> None:
        with serving(lambda request, wire: wire.whole(404, b"<html>")) as server:
            recipe = Recipe(name="x", engine="attached", url=server.url)
            with pytest.raises(BoxError, match="GET /v1/models answered 404"):
                Lifetime(recipe, AttachedServer(), None, tmp_path).__enter__()

    def test_odd_facts_do_not_break_the_record(self, tmp_path: Path) -> None:
        def script(request: ReceivedRequest, wire: Wire) -> None:
            answers: dict[str, Any] = {"/v1/models": {"data": [{"id": 7}]}, "/version": {"version": {"major": 1}}}
            chat = {"choices": [{"message": {"content": "ok"}}]}
            known = request.method == "POST" or request.path in answers
            wire.whole(200 if known else 404, chat if request.method == "POST" else answers.get(request.path, {}))

        with serving(script) as server:
            recipe = Recipe(name="x", engine="attached", url=server.url)
            with Lifetime(recipe, AttachedServer(), None, tmp_path) as up:
                assert up.model == "x"
        assert record(tmp_path).engine_version == "{'major': 1}"
