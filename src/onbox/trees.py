"""Folders that a stranger filled: walked, given away and removed at any depth, links never followed.

`os.walk` and `shutil.rmtree` call themselves once a level, and a path longer than the kernel takes names nothing. A
model makes 1,000 nested folders with one loop of the shell.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

DEPTH_MAX = 100
"""Folders in folders that are looked into; no project is deeper."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def walk(
    root: Path, *, depth_max: int = DEPTH_MAX, skip: Callable[[str], bool] = lambda name: False
) -> Iterator[tuple[Path, os.stat_result | None]]:
    """Everything below `root` that is not a folder, in a fixed order: its path, and what it is.

    Args:
        root: the folder.
        depth_max: folders in folders that are looked into.
        skip: names of folders that are left out.

    Yields:
        The path and its `lstat`; None for what cannot be looked at, and for a folder that is too deep or cannot be
        read.
    """
    pending: list[tuple[Path, int]] = [(root, 0)]
    while pending:
        folder, depth = pending.pop()
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError:
            yield folder, None
            continue
        below = []
        for entry in entries:
            path = folder / entry.name
            try:
                facts = entry.stat(follow_symlinks=False)
            except OSError:
                yield path, None
                continue
            if not stat.S_ISDIR(facts.st_mode):
                yield path, facts
            elif skip(entry.name):
                continue
            elif depth + 1 < depth_max:
                below.append((path, depth + 1))
            else:
                yield path, None
        pending.extend(reversed(below))


def remove(root: Path) -> None:
    """Remove a folder with all that is in it; what cannot be removed stays, and nothing is raised for it."""

    def gone(name: str, folder_fd: int) -> None:
        with suppress(OSError):
            os.unlink(name, dir_fd=folder_fd)

    def emptied(name: str, folder_fd: int) -> None:
        with suppress(OSError):
            os.rmdir(name, dir_fd=folder_fd)

    _visit(root, gone, emptied)
    with suppress(OSError):
        root.rmdir()


def give(root: Path, uid: int, gid: int) -> None:
    """Make a user the owner of a folder and of all in it."""

    def owned(name: str, folder_fd: int) -> None:
        with suppress(OSError):
            found = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
            if (found.st_uid, found.st_gid) != (uid, gid):
                os.chown(name, uid, gid, dir_fd=folder_fd, follow_symlinks=False)

    _visit(root, owned, owned)
    with suppress(OSError):
        os.chown(root, uid, gid, follow_symlinks=False)


def _visit(root: Path, file: Callable[[str, int], None], folder: Callable[[str, int], None]) -> None:
    """Call `file` for all that is no folder, and `folder` for each folder after its content.

    One descriptor at a time is open: it goes down by a name and up by `..`, and stops where that leads elsewhere.
    """
    try:
        here = _open(str(root), None)
    except OSError:
        return
    trail: list[tuple[str, list[str], tuple[int, int]]] = []
    try:
        below = _split(here, file)
        while True:
            if below:
                name = below.pop()
                try:
                    inner = _open(name, here)
                except OSError:
                    folder(name, here)
                    continue
                trail.append((name, below, _identity(here)))
                os.close(here)
                here = inner
                below = _split(here, file)
            elif trail:
                name, below, identity = trail.pop()
                outer = os.open("..", _FOLDER, dir_fd=here)
                os.close(here)
                here = outer
                if _identity(here) != identity:
                    return
                folder(name, here)
            else:
                return
    except OSError:
        return
    finally:
        os.close(here)


def _open(name: str, folder_fd: int | None) -> int:
    """A folder, also one whose owner closed it to himself."""
    try:
        return os.open(name, _FOLDER, dir_fd=folder_fd)
    except PermissionError:
        fd = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder_fd)
        try:
            Path(f"/proc/self/fd/{fd}").chmod(0o700)
        finally:
            os.close(fd)
        return os.open(name, _FOLDER, dir_fd=folder_fd)


def _split(fd: int, file: Callable[[str, int], None]) -> list[str]:
    """Call `file` for all that is no folder; the names of the folders."""
    folders: list[str] = []
    others: list[str] = []
    with os.scandir(fd) as entries:
        for entry in entries:
            (folders if entry.is_dir(follow_symlinks=False) else others).append(entry.name)
    if others or folders:
        with suppress(OSError):
            os.fchmod(fd, stat.S_IMODE(os.fstat(fd).st_mode) | stat.S_IRWXU)
    for name in others:
        file(name, fd)
    return folders


def _identity(fd: int) -> tuple[int, int]:
    found = os.fstat(fd)
    return found.st_dev, found.st_ino
