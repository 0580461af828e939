"""What a command may have on the disk in all: looked at while it runs, and ended beyond a bound.

A limit of the kernel bounds a file, and not how many there are; a quota needs root, and a file system that has one. So
the free space is asked for a few times a second, and where it fell the folders are measured. Where they do not show
all, such as a folder that its owner closed, what is gone from the disk counts.
"""

import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

BYTES_MAX = 8 << 30
FILES_MAX = 500_000
SHARE_MAX = 0.25
"""Of what is free when a folder is first seen: the other runs, and onbox itself, need the rest."""
LOOK_EVERY_S = 0.25
STEPS = 16
"""The folders are measured each time that a share of the bound, one over this, is gone from the disk."""
KNOWN_MAX = 4096
"""Folders whose beginning is remembered: what the commands of a run write is counted together."""


@dataclass
class _Ground:
    """The file system of a folder when it was first seen, and when it was last measured."""

    first_bytes: int
    first_files: int
    bytes: int
    files: int

    @property
    def bytes_max(self) -> int:
        return min(BYTES_MAX, int(self.first_bytes * SHARE_MAX))

    @property
    def files_max(self) -> int:
        """A file system without a number of its own bounds none."""
        return min(FILES_MAX, int(self.first_files * SHARE_MAX)) if self.first_files else FILES_MAX


_known: OrderedDict[str, _Ground] = OrderedDict()
_lock = threading.Lock()


class DiskWatch:
    """Looks at what a command has on the disk.

    Args:
        folders: what it may write there.
        pid: of the process that it and all that it starts come from; what they hold open and have no name for counts.
        elsewhere: asked, where room is gone, for the bytes that it has outside of them.
    """

    def __init__(self, folders: Sequence[Path], pid: int, elsewhere: Callable[[], int] | None = None) -> None:
        self._pid = pid
        self._elsewhere = elsewhere
        self._grounds = [(path, ground) for path in map(Path.resolve, folders) if (ground := _ground(path))]

    def is_over(self) -> bool:
        """Whether it has more than it may: `BYTES_MAX` or `FILES_MAX`, or `SHARE_MAX` of what was free."""
        looked = [(ground, now) for path, ground in self._grounds if (now := _free(path)) is not None]
        fell = [_fell(ground, now) for ground, now in looked]
        if not any(fell):
            return False
        bytes_max, files_max = (
            min(ground.bytes_max for ground, _ in looked),
            min(ground.files_max for ground, _ in looked),
        )
        held = measured([path for path, _ in self._grounds], self._pid, bytes_max, files_max)
        held_bytes = held.bytes + (self._elsewhere() if self._elsewhere is not None else 0)
        for ground, (now_bytes, now_files) in looked:
            ground.bytes, ground.files = now_bytes, now_files
        gone = any(
            ground.first_bytes - now_bytes > bytes_max or ground.first_files - now_files > files_max
            for ground, (now_bytes, now_files) in looked
        )
        return held_bytes > bytes_max or held.files > files_max or (held.unseen and gone)


@dataclass(frozen=True)
class DiskUsage:
    """What is on the disk: room that is taken, and not the sizes of files with holes.

    Args:
        unseen: something could not be looked at.
    """

    bytes: int
    files: int
    unseen: bool


def measured(folders: Sequence[Path], pid: int, bytes_max: int, files_max: int) -> DiskUsage:
    """Measure folders and the files without a name that the processes below `pid` hold, until beyond a bound."""
    held_bytes, held_files, unseen = 0, 0, False
    counted: set[tuple[int, int]] = set()
    devices = {folder.stat().st_dev for folder in folders if folder.exists()}
    for facts in _nameless(pid, devices):
        if facts is None:
            unseen = True
        elif (facts.st_dev, facts.st_ino) not in counted:
            counted.add((facts.st_dev, facts.st_ino))
            held_bytes, held_files = held_bytes + 512 * facts.st_blocks, held_files + 1
    pending = list(map(str, folders))
    while pending and held_bytes <= bytes_max and held_files <= files_max:
        try:
            entries = os.scandir(pending.pop())
        except OSError:
            unseen = True
            continue
        with entries:
            for entry in entries:
                try:
                    facts = entry.stat(follow_symlinks=False)
                except OSError:
                    continue  # Gone by now.
                if facts.st_nlink > 1 and not stat.S_ISDIR(facts.st_mode):
                    if (facts.st_dev, facts.st_ino) in counted:
                        continue
                    counted.add((facts.st_dev, facts.st_ino))
                held_bytes, held_files = held_bytes + 512 * facts.st_blocks, held_files + 1
                if held_bytes > bytes_max or held_files > files_max:
                    break
                if stat.S_ISDIR(facts.st_mode):
                    pending.append(entry.path)
    return DiskUsage(held_bytes, held_files, unseen)


def _ground(folder: Path) -> _Ground | None:
    now = _free(folder)
    if now is None:
        return None
    with _lock:
        found = _known.setdefault(str(folder), _Ground(*now, *now))
        _known.move_to_end(str(folder))
        while len(_known) > KNOWN_MAX:
            _known.popitem(last=False)
    return found


def _free(folder: Path) -> tuple[int, int] | None:
    """Bytes and files that the file system of a folder still takes."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize, found.f_favail


def _fell(ground: _Ground, now: tuple[int, int]) -> bool:
    """Whether a step of the bound is gone since the last measurement; where more is free now, it counts from there."""
    now_bytes, now_files = now
    ground.bytes, ground.files = max(ground.bytes, now_bytes), max(ground.files, now_files)
    return ground.bytes - now_bytes > ground.bytes_max // STEPS or ground.files - now_files > ground.files_max // STEPS


def _nameless(pid: int, devices: set[int]) -> Iterator[os.stat_result | None]:
    """Files on these devices that have no name any more, held open by `pid` or a process below it; None for a process
    that cannot be looked at."""
    for each in _below(pid):
        try:
            descriptors = list(Path(f"/proc/{each}/fd").iterdir())
        except FileNotFoundError:
            continue
        except OSError:
            yield None
            continue
        for descriptor in descriptors:
            with suppress(OSError):
                facts = descriptor.stat()
                if stat.S_ISREG(facts.st_mode) and facts.st_nlink == 0 and facts.st_dev in devices:
                    yield facts


def _below(pid: int) -> Iterator[int]:
    """A process and those that come from it."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            # pid (name) state parent ...: the name may hold spaces and brackets.
            parent = int(path.read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    pending = [pid]
    while pending:
        each = pending.pop()
        yield each
        pending += children.get(each, [])
