"""Runs of several threads are given up: whatever they wait for ends, nothing lives on, and none leaves a record."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from onbox.bench.agents.builtin import Builtin
from onbox.bench.instances import Instances
from onbox.bench.replay import Replayer
from onbox.bench.runner import Bench
from onbox.bench.sandbox import Bind, CommandSpec, Sandbox
from onbox.bench.sandbox.choose import choose
from onbox.bench.sandbox.halt import Halt, RunHalted
from onbox.bench.sandbox.none import Unsafe
from onbox.bench.tasks import load_tasks
from onbox.evidence.folder import TrialFolder, read_lines
from onbox.evidence.records import AgentPlan, Exchange, ReplayEnd, ReplayPlan, SandboxReport
from onbox.launch.lifetime import Lifetime
from onbox.trial.local_executor import LocalExecutor
from onbox.trial.scheduler import RunJob, Scheduler
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from onbox.wire.proxy import RecordingProxy
from tests.doubles.server import ReceivedRequest, Wire, serving
from tests.exchanges import call_delta, chat_request, delta, event, text_reply, usage_event

(TASK,) = load_tasks("builtin", ["fix-failing-test"])
SOON_S = 20.0
"""Of what waits for a minute or more."""
LONG = f"sleep 86399.{os.getpid()}"
"""Of this worker alone: others of the same box run these tests side by side."""


def answer(*parts: str) -> list[bytes]:
    return [part.encode() for part in (*parts, usage_event(10, 5), event("[DONE]"))]


CALLS = answer(call_delta("bash", {"command": LONG}), delta("tool_calls"))
SAYS = answer(delta(content="Done."), delta("stop"))


@pytest.mark.parametrize("make", [Unsafe, choose], ids=["none", "best"])
def test_a_command_is_killed_with_all_that_it_started(make: Callable[[], Sandbox], tmp_path: Path) -> None:
    sandbox, halt = make(), Halt()
    ended: list[str] = []

    def work() -> None:
        with halt.kept():
            try:
                sandbox.run(
                    CommandSpec(
                        ["sh", "-c", f"touch here; {LONG} & {LONG}"],
                        binds={"WORK": Bind(tmp_path, "/work", writable=True)},
                        cwd="WORK",
                        timeout_s=120,
                    )
                )
            except RunHalted:
                ended.append("halted")

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    until(lambda: (tmp_path / "here").exists())
    halt.show()
    thread.join(SOON_S)
    assert ended == ["halted"]
    assert sleepers() == []


def test_without_a_sign_of_its_own_a_thread_is_not_disturbed(tmp_path: Path) -> None:
    halt = Halt()
    halt.show()
    done = Unsafe().run(CommandSpec(["true"], binds={"WORK": Bind(tmp_path, "/work")}, cwd="WORK", timeout_s=20))
    assert done.exit_code == 0


def test_a_request_is_broken_off_and_no_other_goes_out() -> None:
    def script(request: ReceivedRequest, wire: Wire) -> None:
        wire.pause(120)

    with serving(script) as server, StampedClient(Endpoint.parse(server.url)) as client:
        threading.Timer(0.2, client.break_off).start()
        began = time.monotonic()
        assert client.get("/slow").error
        assert client.get("/again").error == "ConnectionAbortedError: broken off"
        assert time.monotonic() - began < SOON_S
        assert len(server.requests) == 1


def test_runs_of_one_proxy_cannot_speak_for_one_another(tmp_path: Path) -> None:
    """`a` in arm `b-c` and `a-b` in arm `c` would have the same name; an address that is not told cannot be guessed."""
    with (
        serving(lambda request, wire: wire.whole(200, {})) as server,
        RecordingProxy(Endpoint.parse(server.url)) as proxy,
        proxy.recording("a-b-c-1", tmp_path / "one.jsonl") as one,
        proxy.recording("a-b-c-1", tmp_path / "two.jsonl") as two,
    ):
        guessed = Endpoint(one.scheme, one.host, one.port, "/run/a-b-c-1")
        for endpoint, path in ((one, "/1"), (two, "/2"), (one, "/3"), (guessed, "/4")):
            with StampedClient(endpoint) as client:
                assert client.get(path).status == (404 if path == "/4" else 200)
    record = {name: [line["path"] for line in read_lines(tmp_path / f"{name}.jsonl")] for name in ("one", "two")}
    assert record == {"one": ["/1", "/3"], "two": ["/2"]}


class TestInterruptedRuns:
    def halted(
        self, tmp_path: Path, script: Callable[[ReceivedRequest, Wire], None], ready: Callable[[Any], bool], **more: Any
    ) -> Path:
        """Three runs are under way when the first thread is interrupted; the folder of the trial."""
        folder = TrialFolder(tmp_path / "trial")
        jobs = [RunJob(TASK, "baseline", n, 100 * n) for n in range(1, 7)]
        with serving(script) as server, RecordingProxy(Endpoint.parse(server.url)) as proxy:
            endpoint = Endpoint.parse(server.url)
            bench = Bench(
                contender="one",
                model="m",
                sampling={},
                agent=Builtin(),
                plan=AgentPlan(version="1"),
                proxy=proxy,
                sandbox=choose(),
                sandbox_report=SandboxReport(name="none"),
                launch_id="life",
                alive=lambda: True,
                replayer=Replayer(endpoint, ReplayPlan(rounds=3)),
                **more,
            )
            executor = LocalExecutor(
                bench, lifeless(), Instances(tmp_path / "instances", bench.sandbox), folder, slots=3
            )

            def interrupted() -> None:
                with Scheduler([executor], jobs):
                    until(lambda: ready(server))
                    raise KeyboardInterrupt

            began = time.monotonic()
            with pytest.raises(KeyboardInterrupt):
                interrupted()
            assert time.monotonic() - began < 3 * SOON_S
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("onbox-run")]
        assert len(list(folder.path.glob("one/runs/*/*/*"))) == 3
        assert not list(folder.path.glob("**/run.json"))
        assert sleepers() == []
        return folder.path

    def test_in_a_command(self, tmp_path: Path) -> None:
        self.halted(tmp_path, lambda request, wire: wire.stream(CALLS), lambda _: len(sleepers()) >= 3)

    def test_in_an_answer_that_does_not_come(self, tmp_path: Path) -> None:
        out = self.halted(tmp_path, lambda request, wire: wire.pause(120), lambda server: len(server.requests) == 3)
        for path in out.glob("one/runs/*/*/*/wire.jsonl"):
            (line,) = read_lines(path)
            assert Exchange.model_validate(line).error

    def test_while_it_is_asked_again(self, tmp_path: Path) -> None:
        def script(request: ReceivedRequest, wire: Wire) -> None:
            answered = len(chats) < 3 and request.path.endswith("/chat/completions")
            if answered:
                chats.append(request)
                wire.stream(SAYS)
            else:
                wire.pause(120)

        chats: list[ReceivedRequest] = []
        self.halted(tmp_path, script, lambda server: len(server.requests) >= 4)


def lifeless() -> Lifetime:
    """Nobody asks the engine's life for anything when runs are given up."""
    return Lifetime.__new__(Lifetime)


def sleepers() -> list[int]:
    """Who sleeps as only these tests do."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cmdline() == LONG.split():
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 2 * SOON_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.alone
def test_runs_at_a_time_share_the_time_of_replays_one_after_the_other(tmp_path: Path) -> None:
    under_way, most = 0, 0

    def script(request: ReceivedRequest, wire: Wire) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        time.sleep(0.1)
        under_way -= 1
        wire.stream(SAYS)

    words = text_reply("All done.", request=chat_request(seed=1))
    ends: list[ReplayEnd | None] = []
    with serving(script) as server:
        replayer = Replayer(Endpoint.parse(server.url), ReplayPlan(rounds=3, contender_s=0.8))
        scheduler = [
            threading.Thread(target=lambda n=n: ends.append(replayer.settle([words], tmp_path / f"{n}.jsonl")))
            for n in range(3)
        ]
        for lane in scheduler:
            lane.start()
        for lane in scheduler:
            lane.join(SOON_S)
    assert most == 1
    assert len(ends) == 3
    # The time is over after less than two of them; what is over it is one request at most.
    assert replayer.spent_s == pytest.approx(sum(end.seconds for end in ends if end), abs=0.01)
    assert replayer.spent_s < 0.8 + 0.5
    assert "no time was left" in [end.ended for end in ends if end]
