"""A task that is written in parts is judged whole: its hash covers the libraries, and the wheel holds whole folders."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from onbox.bench.assembly import assembled, is_part
from onbox.bench.tasks import BUILTIN, load_task, tree_sha256

ROOT = Path(__file__).parents[3]


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A task of the clone with the libraries beside it, and an empty cache."""
    monkeypatch.setenv("ONBOX_CACHE", str(tmp_path / "cache"))
    shutil.copytree(ROOT / "suite" / "lib", tmp_path / "suite" / "lib")
    return Path(shutil.copytree(ROOT / "suite" / "fix-boundary", tmp_path / "suite" / "fix-boundary"))


def test_a_change_of_a_library_or_of_the_workspace_is_another_task(part: Path) -> None:
    hashes = [load_task(part).sha256]
    for changed in (
        part.parent / "lib" / "gatelib.py",
        part.parent / "lib" / "genlib.py",
        part / "environment/app/new",
    ):
        with changed.open("a") as file:
            file.write("# more\n")
        hashes.append(load_task(part).sha256)
    (part.parent / "lib" / "tslib.py").write_text("# no library of this task\n")
    hashes.append(load_task(part).sha256)
    assert len(set(hashes)) == 4
    assert hashes[-1] == hashes[-2]


def test_it_is_assembled_once_and_a_whole_folder_stays_where_it_is(part: Path, tmp_path: Path) -> None:
    first, again = load_task(part), load_task(part)
    assert first.path == again.path
    assert first.path.is_relative_to(tmp_path / "cache")
    assert not is_part(first.path)
    assert load_task(first.path).path == first.path
    assert [path.name for path in (tmp_path / "cache" / "tasks").iterdir()] == [first.path.parent.name]


def test_no_task_of_the_clone_carries_a_copy() -> None:
    for name in ("gatelib.py", "replylib.py", "genlib.py", "tslib.py", "test.sh"):
        assert [path.parent.name for path in (ROOT / "suite").rglob(name)] == ["lib"]


@pytest.mark.slow
@pytest.mark.alone
def test_an_installed_wheel_holds_the_same_tasks(tmp_path: Path) -> None:
    """Built from the clone, and installed without it: the tasks are whole, and their hashes are the clone's."""
    quiet = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*quiet, "wheel", "--no-deps", "--wheel-dir", tmp_path, ROOT], check=True, timeout=200)
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([*quiet, "install", "--no-deps", "--target", tmp_path / "site", wheel], check=True, timeout=100)
    # The dependencies are those of these tests; the package is found first.
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    program = "from onbox.bench.tasks import *; print(BUILTIN, *(t.sha256 for t in load_tasks('builtin')))"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd="/", env=env
    )
    place, *hashes = result.stdout.split()
    assert Path(place).is_relative_to(tmp_path / "site")
    assert hashes == [load_task(path.parent).sha256 for path in sorted(BUILTIN.glob("*/task.toml"))]
    assert hashes[0] == tree_sha256(assembled(BUILTIN / "add-parameter"))
    command = [sys.executable, "-m", "onbox", "audit", "builtin", "--task", "fill-json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env=env)
    assert done.returncode == 0, done.stderr
