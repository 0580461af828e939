"""Folders that a stranger filled, and folders that a killed onbox left."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from onbox import scratch
from onbox.scratch import in_memory, scratch_folder
from onbox.trees import DEPTH_MAX, give, remove, walk


def deep(root: Path, levels: int) -> None:
    """Folders in folders, a file in the last."""
    here = os.open(root, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d" * 100, dir_fd=here)
        below = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("last", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


@pytest.fixture(autouse=True)
def emptied(tmp_path: Path) -> Iterator[None]:
    """pytest itself cannot remove what is so deep."""
    yield
    remove(tmp_path)


def test_at_any_depth_all_of_it_goes_and_what_a_link_leads_to_stays(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    (outside / "kept").mkdir(parents=True)
    (root / "closed" / "inner").mkdir(parents=True)
    (root / "link").symlink_to(outside)
    os.mkfifo(root / "pipe")
    (root / "closed").chmod(0)
    deep(root, 3_000)
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    remove(root)
    assert not root.exists()
    assert (outside / "kept").is_dir()
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before
    remove(root)


def test_a_walk_is_in_order_and_ends_where_it_is_too_deep(tmp_path: Path) -> None:
    for name in ("b/x", "a/y", "a/.hidden/z", "c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b" / "link").symlink_to(tmp_path)
    found = list(walk(tmp_path, skip=lambda name: name.startswith(".")))
    assert [str(path.relative_to(tmp_path)) for path, _ in found] == ["c", "a/y", "b/link", "b/x"]
    assert all(facts is not None for _, facts in found)
    deep(tmp_path / "a", 1_000)
    (too_deep,) = (path for path, facts in walk(tmp_path / "a") if facts is None)
    assert len(too_deep.relative_to(tmp_path / "a").parts) <= DEPTH_MAX


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_all_of_it_is_given_and_no_link_is_followed(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.touch()
    (root / "a").mkdir(parents=True)
    (root / "a" / "file").touch()
    (root / "link").symlink_to(outside)
    give(root, 12_345, 12_345)
    assert {path.lstat().st_uid for path in (root, *root.rglob("*"))} == {12_345}
    assert outside.stat().st_uid == 0


@pytest.mark.parametrize(
    ("free", "flags", "size_bytes", "there"),
    [(8, 0, 4096, True), (8, 0, 4097, False), (8, os.ST_NOEXEC, 1, False), (1 << 50, 0, 1 << 50, False)],
    ids=["room", "no room", "nothing runs there", "more than the memory"],
)
def test_folders_are_in_memory_where_there_is_room_twice_over(
    free: int, flags: int, size_bytes: int, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "SHARED_MEMORY", tmp_path)
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_flag=flags, f_bavail=free, f_frsize=1024))
    assert in_memory(size_bytes) == (tmp_path if there else None)
    with scratch_folder("run", in_memory(size_bytes)) as made:
        assert (made.parent == tmp_path) == there
    assert not made.exists()


def test_what_a_killed_onbox_left_in_memory_goes_with_the_next_folder_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No process has such a number.
    left = tmp_path / f"onbox-history-{scratch._namespace():x}-7fffffff-1-abc"
    left.mkdir()
    monkeypatch.setattr(scratch, "SHARED_MEMORY", tmp_path)
    monkeypatch.setattr(scratch, "_swept", set())
    with scratch_folder("run") as made:
        assert made.parent != tmp_path
        assert not left.exists()


def test_without_shared_memory_no_folder_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "SHARED_MEMORY", tmp_path / "none")
    assert in_memory(0) is None


def test_an_orderly_end_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch_folder("run") as made:
        deep(made, 1_000)
    assert list(tmp_path.iterdir()) == []
