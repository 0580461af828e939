"""Folders for the time of one job, below the system's temporary folder.

A kill -9 leaves them behind, with a stranger's files in them. So each carries in its name the process that made it, and
the first one of a process removes those of processes of the same user that are gone.
"""

import os
import re
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from onbox.trees import remove

_NAME = re.compile(r"onbox-[a-z]+-(?P<namespace>[0-9a-f]+)-(?P<pid>[0-9a-f]+)-(?P<started>[0-9a-f]+)-\w+")
"""Numbers in hexadecimal: a socket's whole path may have 108 bytes."""
_sweeping = threading.Lock()
_swept: set[Path] = set()
SHARED_MEMORY = Path("/dev/shm")


@contextmanager
def scratch_folder(kind: str, parent: Path | None = None) -> Iterator[Path]:
    """A new folder, removed on the way out, however deep it has become.

    Args:
        kind: a word for its name.
        parent: where it is; the system's temporary folder if left out.
    """
    parent = parent or Path(tempfile.gettempdir())
    with _sweeping:
        # What a kill left in memory takes room that others need, so it goes also where none is wanted there now.
        new = {Path(tempfile.gettempdir()), SHARED_MEMORY} - _swept
        _swept.update(new)
    for place in new:
        sweep(place)
    pid = os.getpid()
    prefix = f"onbox-{kind}-{_namespace():x}-{pid:x}-{_started(pid):x}-"
    made = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        yield made
    finally:
        remove(made)


def in_memory(size_bytes: int) -> Path | None:
    """A parent for folders that are made and removed all the time: in memory, where there is room for so much.

    There a file is made in some 20 us, on a disk in up to 1 ms. None where shared memory or the memory itself has no
    room, or where nothing may be executed there.
    """
    try:
        facts = os.statvfs(SHARED_MEMORY)
        mode = SHARED_MEMORY.stat().st_mode
        meminfo = Path("/proc/meminfo").read_text()
    except OSError:
        return None
    found = re.search(r"^MemAvailable:\s*(\d+) kB", meminfo, re.MULTILINE)
    available_bytes = int(found[1]) << 10 if found else 0
    if not (stat.S_ISDIR(mode) and os.access(SHARED_MEMORY, os.W_OK | os.X_OK)) or facts.f_flag & os.ST_NOEXEC:
        return None
    # As much again stays for all else.
    return SHARED_MEMORY if min(facts.f_bavail * facts.f_frsize, available_bytes) >= 2 * size_bytes else None


def sweep(parent: Path) -> list[Path]:
    """Remove the folders of this user's processes that are gone; returns them.

    Those of another process namespace are left: its numbers mean nothing here.
    """
    gone = []
    for path in parent.glob("onbox-*-*-*-*-*"):
        found = _NAME.fullmatch(path.name)
        if found is None or int(found["namespace"], 16) != _namespace():
            continue
        with suppress(OSError):
            if path.lstat().st_uid == os.getuid() and _started(int(found["pid"], 16)) != int(found["started"], 16):
                remove(path)
                gone.append(path)
    return gone


def _namespace() -> int:
    return Path("/proc/self/ns/pid").stat().st_ino & 0xFFFFF


def _started(pid: int) -> int:
    """When a process started, in ticks since boot: its number may be another's by now; 0 for none."""
    try:
        # The name in brackets may hold spaces and brackets.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[19])
