"""What an engine has in /dev/shm: it outlives a process that is killed, and then holds memory that nobody frees."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

SHARED = Path("/dev/shm")


def mapped(pids: Iterable[int]) -> set[Path]:
    """The entries of this box's /dev/shm that the processes have mapped.

    A container with an IPC namespace of its own has another /dev/shm under the same path: what is not the very same
    file here is not counted.
    """
    found = set()
    for pid in pids:
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
                _, _, _, device, inode, *rest = line.split(None, 5)
                path = Path(rest[0]) if rest else Path()
                if path.is_relative_to(SHARED) and _is(path, device, int(inode)):
                    found.add(path)
    return found


def removed(paths: Iterable[Path]) -> tuple[str, ...]:
    """Remove those that are still there; their names."""
    left = []
    for path in sorted(paths):
        with suppress(OSError):
            path.unlink()
            left.append(path.name)
    return tuple(left)


def _is(path: Path, device: str, inode: int) -> bool:
    with suppress(OSError):
        found = path.stat()
        major, minor = (int(part, 16) for part in device.split(":"))
        return (found.st_ino, os.major(found.st_dev), os.minor(found.st_dev)) == (inode, major, minor)
    return False
