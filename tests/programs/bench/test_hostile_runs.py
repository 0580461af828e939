"""Whatever a model says and leaves behind is data: it may cost its run, and the next one begins."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from onbox.bench.agents import AgentOutcome, Job
from onbox.bench.agents.builtin import Builtin
from onbox.bench.quality import References
from onbox.bench.runner import Bench
from onbox.bench.sandbox.none import Unsafe
from onbox.bench.tasks import Task, load_tasks
from onbox.evidence.folder import read_lines
from onbox.evidence.records import AgentEnd, AgentPlan, Changes, Exchange, FaultKind, RunRecord, SandboxReport
from onbox.judge.runs.attribution import attribute
from onbox.trees import remove
from onbox.wire.endpoint import Endpoint
from onbox.wire.proxy import RecordingProxy
from tests.doubles.server import serving
from tests.exchanges import call_delta, delta
from tests.unit.bench.agents.built_in import in_turn, says, turn

(TASK,) = load_tasks("builtin", ["fill-json"])
BRACKETS = "[" * 1_000 + "]" * 1_000
NESTED = "import os\nfor n in range(1_000):\n    os.mkdir('d')\n    os.chdir('d')\nopen('last', 'w').close()"
SPARSE = "for n in range(4_000):\n    with open(f's{n}', 'wb') as file:\n        file.truncate(1 << 30)"


def call_turn(name: str, arguments: dict[str, Any] | str) -> bytes:
    return turn(call_delta(name, arguments), delta("tool_calls"))


def python(script: str) -> bytes:
    return call_turn("bash", {"command": f'python3 -c "{script}"'})


HOSTILE: dict[str, tuple[bytes, ...]] = {
    "arguments of 1,000 brackets": (call_turn("read", BRACKETS),),
    "an object in 1,000 objects": (call_turn("read", '{"path":' * 1_000 + "1" + "}" * 1_000),),
    "a path of 1,000 folders": (call_turn("write", {"path": "a/" * 1_000 + "b", "content": "x"}),),
    "a path that is read in 1,000 folders": (call_turn("read", {"path": "a/" * 1_000 + "b"}),),
    "1,000 folders in folders": (python(NESTED), call_turn("glob", {"pattern": "**/last"})),
    "half a character as a name": (call_turn("read\ud83d", {"path": "a"}),),
    "half a character as a path": (call_turn("write", '{"path": "a\\ud83d", "content": "\\ud83d"}'),),
    "half a character in a loop": tuple(call_turn("\udcff", "{}") for _ in range(8)),
    "12 GB by an edit": (
        call_turn("write", {"path": "a", "content": "a" * 120_000}),
        call_turn("edit", {"path": "a", "old": "a", "new": "b" * 100_000}),
    ),
    "4,000 files with holes": (python(SPARSE),),
    "a name that is as long as a file": (call_turn("x" * 3_000_000, "{}"),),
}


@pytest.fixture(autouse=True)
def emptied(tmp_path: Path) -> Iterator[None]:
    """pytest itself cannot remove what is so deep."""
    yield
    remove(tmp_path)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., RunRecord]:
    def do(*replies: bytes, agent: Any = None, n: int = 1, references: References | None = None) -> RunRecord:
        with serving(in_turn(*replies)) as server, RecordingProxy(Endpoint.parse(server.url)) as proxy:
            bench = Bench(
                contender="small",
                model="m",
                sampling={},
                agent=agent or Builtin(),
                plan=AgentPlan(version="1"),
                proxy=proxy,
                sandbox=Unsafe(),
                sandbox_report=SandboxReport(name="none"),
                launch_id="abc",
                alive=lambda: True,
                references=references,
            )
            return bench.run(TASK, "baseline", n, 7000, tmp_path / str(n))

    return do


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_model_says_fails_its_run_alone(
    run: Callable[..., RunRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    # A short name: the proxy's socket lies below it.
    scratch = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    record = run(*HOSTILE[name], says("Done."))
    assert record.fault == ""
    assert record.gate is not None
    assert record.gate.exit_code == 1
    assert RunRecord.model_validate_json((tmp_path / "1" / "run.json").read_bytes()) == record
    scratch.rmdir()  # Nothing is left in it, however deep it was.


class BrokenReferences(References):
    """The task's own solution fails in a way that nobody foresaw."""

    def of(self, task: Task) -> Changes:
        raise RuntimeError("no solution")


def test_a_fault_after_the_agents_work_does_not_lose_what_it_did(run: Callable[..., RunRecord], tmp_path: Path) -> None:
    record = run(says("Done."), references=BrokenReferences(Unsafe()))
    assert "no solution" in record.fault
    assert b"Done." in (tmp_path / "1" / "trajectory.json").read_bytes()


FILLS = (
    "import time\nfor n in range(400):\n"
    "    with open(f'f{n}', 'wb') as file:\n        file.write(b'0' * (1 << 20))\n    time.sleep(0.02)"
)


def test_a_disk_that_is_filled_by_many_files_ends_the_run_that_did_it(
    run: Callable[..., RunRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onbox.bench.sandbox.disk_watch.BYTES_MAX", 32 << 20)
    record = run(python(FILLS), says("Done."))
    assert (record.agent.stop, record.fault, record.agent.turns) == ("disk_limit", "", 1)
    exchanges = [Exchange.model_validate(line) for line in read_lines(tmp_path / "1" / "wire.jsonl")]
    result = attribute(record, exchanges)
    assert (result.code, result.attribution) == ("L-DISK", "limit")
    after = run(says("Done."), n=2)
    assert (after.agent.stop, after.fault) == ("answered", ""), "what it wrote is gone with it"


class _Breaks(Builtin):
    def run(self, job: Job) -> AgentOutcome:
        raise RecursionError("maximum recursion depth exceeded: \ud83d")


class _SaysHalf(Builtin):
    def run(self, job: Job) -> AgentOutcome:
        return AgentOutcome(AgentEnd(stop="answered", detail="\udcff", reply="\ud83d"), [{"role": "\ud83d"}])


def test_what_nobody_foresaw_is_recorded_and_the_next_run_begins(run: Callable[..., RunRecord]) -> None:
    broken = run(says("x"), agent=_Breaks())
    assert broken.fault_kind is FaultKind.HARNESS
    assert broken.fault.startswith("harness: RecursionError: maximum recursion depth exceeded: ? (")
    assert "test_hostile_runs.py" in broken.fault
    assert broken.gate is None
    assert run(says("Done."), n=2).fault == ""


def test_what_comes_up_after_the_gate_is_recorded_too(
    run: Callable[..., RunRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("no such road")

    monkeypatch.setattr(Bench, "_quality", broken)
    record = run(says("Done."))
    assert record.fault_kind is FaultKind.HARNESS
    assert record.fault.startswith("harness: KeyError")
    assert RunRecord.model_validate_json((tmp_path / "1" / "run.json").read_bytes()) == record


def test_half_characters_of_any_agent_are_no_fault(run: Callable[..., RunRecord]) -> None:
    record = run(says("x"), agent=_SaysHalf())
    assert (record.fault, record.agent.reply, record.agent.detail) == ("", "?", "?")


def test_a_folder_that_is_closed_to_its_owner_is_left_out(run: Callable[..., RunRecord]) -> None:
    closed = "import os; os.mkdir('d'); open('d/f', 'w').close(); os.chmod('d', 0)"
    record = run(python(closed), says("Done."))
    assert record.fault == ""
    assert record.changes.files == (1 if os.getuid() == 0 else 0)
