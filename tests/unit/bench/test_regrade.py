"""What an agent left can be rebuilt to the byte, and its gate run again."""

import json
import os
import shutil
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onbox.bench.tasks import Task, load_task, load_tasks
from onbox.bench.workspace import make_workspace, snapshot
from onbox.bench.workspace_archive import NAME, keep, rebuild
from onbox.errors import UsageError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.manifest import mismatches
from tests.e2e.cli import onbox_here, scripted

TASK = load_tasks("builtin", ["fill-json"])[0]
names = st.sampled_from(["config.json", "new", "a/b/c.py", "ünicode", 'q"uote', "line\nbreak", "__pycache__/x.pyc"])
left = st.dictionaries(names, st.tuples(st.binary(max_size=40), st.booleans()), max_size=5)


def tree(root: Path) -> dict[str, tuple[bytes, bool]]:
    return {
        str(path.relative_to(root)): (path.read_bytes(), os.access(path, os.X_OK))
        for path in root.rglob("*")
        if path.is_file()
    }


@given(files=left, removed=st.sets(st.sampled_from(["config.json", "README.md"])))
def test_any_workspace_is_rebuilt_exactly(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, tuple[bytes, bool]], removed: set[str]
) -> None:
    root = tmp_path_factory.mktemp("kept")
    before, app, after = root / "before", root / "app", root / "after"
    make_workspace(TASK, before)
    make_workspace(TASK, app)
    for name in removed:
        (app / name).unlink()
    for name, (content, executable) in files.items():
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_bytes(content)
        (app / name).chmod(0o755 if executable else 0o644)
    snapshot(app, after)
    sha256 = keep(before, after, root)
    rebuild(partial(make_workspace, TASK), root / NAME, root / "again", sha256)
    assert tree(root / "again") == tree(after)


def test_the_same_work_gives_the_same_bytes_and_little_of_them(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    make_workspace(TASK, before)
    make_workspace(TASK, after)
    (after / "config.json").write_text("{}\n")
    first = keep(before, after, tmp_path / "one")
    assert first == keep(before, after, tmp_path / "two")
    assert (tmp_path / "one" / NAME).read_bytes() == (tmp_path / "two" / NAME).read_bytes()
    assert (tmp_path / "one" / NAME).stat().st_size < 500


def test_what_does_not_give_the_graded_workspace_is_refused(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    make_workspace(TASK, before)
    make_workspace(TASK, after)
    sha256 = keep(before, after, tmp_path)
    with pytest.raises(UsageError, match="does not give the workspace"):
        rebuild(partial(make_workspace, TASK), tmp_path / NAME, tmp_path / "a", "0" * 64)
    with pytest.raises(UsageError, match="missing"):
        rebuild(partial(make_workspace, TASK), tmp_path / "nothing", tmp_path / "b", sha256)
    (tmp_path / NAME).write_bytes(b"no archive")
    with pytest.raises(UsageError, match="cannot be read"):
        rebuild(partial(make_workspace, TASK), tmp_path / NAME, tmp_path / "c", sha256)


# ---------------------------------------------------------------- the command


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
    told = json.loads(done.stdout)
    assert (told["changed"], told["not_run"], told["runs"]) == ([], [], 1)
    kept = json.loads(Path(told["path"]).read_text().splitlines()[-1])
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
    told = json.loads(done.stdout)
    assert told["changed"] == []
    assert "missing" in told["not_run"][0]["why"]
