"""What a run left that it should not have: a reward, other gate files, a process."""

import shutil
import tempfile
from pathlib import Path

from onbox.bench.tampering import WatchedFiles
from onbox.bench.tasks import load_tasks
from onbox.bench.workspace import make_workspace
from tests.gates import with_own_gate


def around(tmp_path: Path) -> tuple[WatchedFiles, Path, Path]:
    """The watch of a task's files, and its workspace twice."""
    task = load_tasks("builtin", ["fill-json"])[0]
    before, after = tmp_path / "before", tmp_path / "after"
    make_workspace(task, before)
    make_workspace(task, after)
    return WatchedFiles(task, tmp_path), before, after


def test_an_honest_run_has_touched_nothing(tmp_path: Path) -> None:
    watched, before, after = around(tmp_path)
    (after / "config.json").write_text("{}")
    assert watched.tampering(before, after) == ()


def test_a_reward(tmp_path: Path) -> None:
    watched, before, after = around(tmp_path)
    (after / "logs").mkdir()
    (after / "logs/reward.txt").write_text("1")
    assert watched.tampering(before, after) == ("the workspace holds a reward: logs/reward.txt",)


def test_the_gates_files(tmp_path: Path) -> None:
    task = load_tasks("builtin", ["fill-json"])[0]
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(task.path, Path(folder, task.name))
        mine = load_tasks(Path(folder))[0]
        watched = WatchedFiles(mine, tmp_path)
        with_own_gate(mine.path, "exit 0\n")
        assert watched.tampering(tmp_path, tmp_path) == ("the gate's files are not what they were before the run",)
