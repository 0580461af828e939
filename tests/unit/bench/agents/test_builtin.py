"""The built-in agent and one run of it, against a scripted server."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onbox.bench.agents import AgentOutcome, Job
from onbox.bench.agents.builtin import NUDGE, BuiltinAgent
from onbox.bench.probing import sandbox_of
from onbox.bench.replay import Replayer
from onbox.bench.sandbox import CommandResult
from onbox.bench.sandbox.none import Unsafe
from onbox.errors import BoxError
from onbox.evidence.folder import read_lines
from onbox.evidence.records import AgentPlan, GateEnd, Limits, ReplayPlan, RunRecord
from onbox.wire.endpoint import Endpoint
from onbox.wire.proxy import RecordingProxy
from tests.doubles.server import ReceivedRequest, Server, Wire, closed_port, serving
from tests.exchanges import call_delta, delta, event
from tests.unit.bench.agents.built_in import FIX, Make, calls, in_turn, says, turn


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "a.txt").write_text("old\n")
    return folder


def work(app: Path, server: Server, nudges: int = 0, **limits: Any) -> AgentOutcome:
    plan = AgentPlan(version="1", limits=Limits(**limits), nudges=nudges)
    job = Job("Change a.txt", app, Endpoint.parse(server.url), "m", {"temperature": 0.5}, 100, plan, Unsafe())
    return BuiltinAgent(job).run()


class TestAgent:
    def test_calls_tools_until_it_answers(self, app: Path) -> None:
        script = in_turn(calls("edit", path="a.txt", old="old", new="new"), says("Changed."))
        with serving(script) as server:
            outcome = work(app, server)
        assert (app / "a.txt").read_text() == "new\n"
        assert (outcome.end.stop, outcome.end.detail, outcome.end.reply, outcome.end.turns) == (
            "answered",
            "stop",
            "Changed.",
            2,
        )
        assert [step["role"] for step in outcome.steps] == ["system", "user", "assistant", "tool", "assistant"]
        first, second = (request.json() for request in server.requests)
        assert (first["model"], first["temperature"], first["seed"], second["seed"]) == ("m", 0.5, 100, 101)
        assert "Change a.txt" in first["messages"][1]["content"]
        assert "a.txt:\n```\nold\n```" in first["messages"][1]["content"]
        sent, answer = second["messages"][2:]
        assert sent["tool_calls"][0]["function"]["name"] == "edit"
        assert (answer["role"], answer["tool_call_id"]) == ("tool", sent["tool_calls"][0]["id"])

    def test_reasoning_goes_back_under_its_own_name(self, app: Path) -> None:
        thinks = turn(delta(reasoning_content="I must look."), call_delta("read", {"path": "a.txt"}))
        with serving(in_turn(thinks, says("ok"))) as server:
            work(app, server)
        assert server.requests[1].json()["messages"][2]["reasoning_content"] == "I must look."

    def test_several_calls_of_one_reply_are_all_done(self, app: Path) -> None:
        both = turn(call_delta("read", {"path": "a.txt"}, 0), call_delta("glob", {"pattern": "*"}, 1))
        with serving(in_turn(both, says("ok"))) as server:
            outcome = work(app, server)
        assert [step["content"] for step in outcome.steps if step["role"] == "tool"] == ["old\n", "a.txt"]

    def test_one_document_instead_of_a_stream_is_understood(self, app: Path) -> None:
        body = {"choices": [{"message": {"content": "Done."}, "finish_reason": "stop"}]}
        with serving(lambda request, wire: wire.whole(200, body)) as server:
            assert work(app, server).end.reply == "Done."

    def test_a_nudge_is_given_as_often_as_planned(self, app: Path) -> None:
        with serving(in_turn(says("I will."))) as server:
            outcome = work(app, server, nudges=2)
        assert (outcome.end.stop, outcome.end.turns) == ("answered", 3)
        assert [m["content"] for m in server.requests[2].json()["messages"]].count(NUDGE) == 2

    def test_the_turn_limit(self, app: Path) -> None:
        left = [calls("read", path=f"{n}") for n in range(9)]
        with serving(in_turn(*left)) as server:
            outcome = work(app, server, turns=3)
        assert (outcome.end.stop, outcome.end.turns, len(server.requests)) == ("turn_limit", 3, 3)

    def test_the_token_limit_bounds_the_last_reply_too(self, app: Path) -> None:
        left = [turn(call_delta("read", {"path": f"{n}"}), tokens=40) for n in range(9)]
        with serving(in_turn(*left)) as server:
            outcome = work(app, server, output_tokens=100, turn_tokens=64)
        assert (outcome.end.stop, outcome.end.detail) == ("token_limit", "120 output tokens")
        assert [request.json()["max_tokens"] for request in server.requests] == [64, 60, 20]

    def test_the_same_call_again_and_again_is_a_loop(self, app: Path) -> None:
        with serving(in_turn(calls("read", path="a.txt"))) as server:
            outcome = work(app, server, same_call=3)
        assert (outcome.end.stop, outcome.end.detail) == ("loop", "the same call 3 times: read")

    @pytest.mark.parametrize("speaks", [False, True], ids=["silent", "dripping"])
    def test_the_time_limit_holds_while_a_reply_is_under_way(self, app: Path, speaks: bool) -> None:
        def drip() -> Iterator[bytes]:
            while True:
                yield b": still here\n\n"

        def script(request: ReceivedRequest, wire: Wire) -> None:
            if speaks:
                wire.stream(drip(), gap_s=0.05)
            wire.pause(60)

        began = time.monotonic()
        with serving(script) as server:
            outcome = work(app, server, wall_s=2.0)
        assert (outcome.end.stop, outcome.end.turns) == ("time_limit", 1)
        assert time.monotonic() - began < 30

    def test_a_server_that_answers_with_an_error(self, app: Path) -> None:
        with serving(lambda request, wire: wire.whole(500, {"error": {"message": "slot broke"}})) as server:
            outcome = work(app, server)
        assert outcome.end.stop == "endpoint"
        assert outcome.end.detail.startswith("status 500: ")
        assert "slot broke" in outcome.end.detail

    @pytest.mark.parametrize(
        ("reply", "message"),
        [
            ({"error": {"message": "failed to parse"}}, "failed to parse"),
            ({"choices": [{"delta": {"content": ["x"]}}]}, "content is not as the protocol has it"),
        ],
    )
    def test_an_error_inside_the_stream(self, app: Path, reply: dict[str, Any], message: str) -> None:
        with serving(in_turn(turn(event(reply)))) as server:
            outcome = work(app, server)
        assert outcome.end.stop == "endpoint"
        assert message in outcome.end.detail

    def test_no_server(self, app: Path) -> None:
        outcome = work(app, Server(lambda request, wire: None, port=closed_port()))
        assert (outcome.end.stop, outcome.end.turns) == ("endpoint", 1)
        assert "refused" in outcome.end.detail

    def test_half_a_character_does_not_break_the_record(self, app: Path) -> None:
        with serving(in_turn(says("\ud83d done"), says("ok"))) as server:
            assert work(app, server).end.reply == "\ufffd done"


class BrokenSandbox(Unsafe):
    """A sandbox that cannot start any more."""

    def run(self, *_: Any, **__: Any) -> CommandResult:
        raise BoxError("bwrap: no user namespaces")


class TestRun:
    def run(self, folder: Path, make: Make, *replies: bytes, **changes: Any) -> RunRecord:
        with serving(in_turn(*replies)) as server, RecordingProxy(Endpoint.parse(server.url)) as proxy:
            return make(proxy, **changes).run(FIX, "baseline", 1, 7000, folder)

    def test_a_sandbox_that_breaks_is_a_fault_of_the_run_and_not_of_the_model(
        self, tmp_path: Path, bench: Make
    ) -> None:
        record = self.run(tmp_path / "1", bench, calls("bash", command="ls"), sandbox=BrokenSandbox())
        assert record.fault == "sandbox: bwrap: no user namespaces"
        assert (record.gate, record.agent.stop) == (None, "crash")
        assert len(list(read_lines(tmp_path / "1" / "wire.jsonl"))) == 1

    def test_a_full_disk_is_named(self, tmp_path: Path, bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("onbox.wire.proxy.append_line", full)
        record = self.run(tmp_path / "1", bench, says("Done."))
        assert record.fault == "disk full: [Errno 28] No space left on device"

    @pytest.mark.parametrize(("exit_code", "asks"), [(0, False), (1, True), (None, True)])
    def test_a_run_is_asked_again_unless_its_gate_passed(
        self, tmp_path: Path, bench: Make, monkeypatch: pytest.MonkeyPatch, exit_code: int | None, asks: bool
    ) -> None:
        """Also one whose gate was killed: the code that held it up may have come of calls that the server broke."""
        end = GateEnd(exit_code=exit_code, reason="", seconds=1.0, sha256="a" * 64)
        monkeypatch.setattr("onbox.bench.runner.grade", lambda *given, **named: end)
        broken = turn(call_delta("bash", {}), delta("tool_calls"))
        with serving(in_turn(broken, says("Done."))) as server, RecordingProxy(Endpoint.parse(server.url)) as proxy:
            replayer = Replayer(Endpoint.parse(server.url), ReplayPlan(rounds=1))
            record = bench(proxy, replayer=replayer).run(FIX, "baseline", 1, 7000, tmp_path / "1")
        assert ((tmp_path / "1" / "replay.jsonl").is_file(), record.replay is not None) == (asks, asks)


def test_a_plan_without_tasks_needs_no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onbox.bench.sandbox.choose.working", lambda tier: pytest.fail("a sandbox was looked for"))
    _, report = sandbox_of(None)
    assert report.probes == ()
