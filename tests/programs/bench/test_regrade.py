"""What an agent left can be rebuilt to the byte, and its gate run again."""

import json
import shutil
from pathlib import Path

import pytest

from onbox.bench.tasks import Task, load_task, load_tasks
from onbox.bench.workspace_archive import NAME
from onbox.evidence.folder import TrialFolder
from onbox.evidence.manifest import mismatches
from tests.e2e.cli import onbox_here, scripted

TASK = load_tasks("builtin", ["fill-json"])[0]


@pytest.fixture(scope="module")
def own_tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tasks")
    shutil.copytree(TASK.path, folder / TASK.name)
    return folder


@pytest.fixture(scope="module")
def benched(tmp_path_factory: pytest.TempPathFactory, own_tasks: Path) -> Path:
    """One run that passed, of a task of one's own."""
    out = tmp_path_factory.mktemp("bench") / "out"
    with scripted("good") as url:
        done = onbox_here("bench", url, "--tasks", own_tasks, "--runs", "1", "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    return out


def task_of(folder: Path) -> Task:
    return load_task(folder / TASK.name)


def test_nothing_changed(benched: Path) -> None:
    done = onbox_here("regrade", benched, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["changed"], result["not_run"], result["runs"]) == ([], [], 1)
    kept = json.loads(Path(result["path"]).read_text().splitlines()[-1])
    (run,) = kept["runs"]
    assert (run["code_was"], run["code_now"], run["now"]["exit_code"]) == ("PASS", "PASS", 0)
    assert mismatches(benched) == []
    assert onbox_here("verify", benched).returncode == 0


def test_a_mended_gate_changes_what_came_out_and_no_evidence(benched: Path, own_tasks: Path) -> None:
    record = next(benched.glob("*/runs/*/*/1/run.json"))
    before = record.read_bytes()
    gate = task_of(own_tasks).tests / "gate.py"
    text = gate.read_text()
    try:
        gate.write_text(text.replace("def gate():", 'def gate():\n    raise Fail("STRICTER")'))
        done = onbox_here("regrade", benched, "--json")
    finally:
        gate.write_text(text)
    assert done.returncode == 1, done.stderr
    assert "another outcome" in done.stderr
    (changed,) = json.loads(done.stdout)["changed"]
    assert (changed["code_was"], changed["code_now"], changed["now"]["reason"]) == ("PASS", "F-GATE", "STRICTER")
    assert record.read_bytes() == before
    last = TrialFolder.open(benched).ledger()[-1]
    assert (last.kind, last.reason) == ("regraded", "1 of 1 runs changed")
    # The verdict speaks of what was recorded, and still follows from it.
    assert onbox_here("verify", benched).returncode == 0


def test_a_workspace_that_was_touched_is_not_graded(benched: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(benched, copy)
    archive = next(copy.glob(f"*/runs/*/*/1/{NAME}"))
    archive.unlink()
    done = onbox_here("regrade", copy, "--json")
    result = json.loads(done.stdout)
    assert result["changed"] == []
    assert "missing" in result["not_run"][0]["why"]
