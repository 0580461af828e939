"""What an agent left can be rebuilt to the byte, and its gate run again."""

import os
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onbox.bench.tasks import load_tasks
from onbox.bench.workspace import make_workspace, snapshot
from onbox.bench.workspace_archive import NAME, keep, rebuild
from onbox.errors import UsageError

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
