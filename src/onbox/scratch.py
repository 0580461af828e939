"""Folders for the time of one job, below the system's temporary folder.

A kill -9 leaves them behind, with a stranger's files in them. So each carries in its name the process that made it, and
the first one of a process removes those of processes of the same user that are gone.
"""

import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from onbox.trees import remove

_NAME = re.compile(r"onbox-[a-z]+-(?P<namespace>[0-9a-f]+)-(?P<pid>[0-9a-f]+)-(?P<started>[0-9a-f]+)-\w+")
"""Numbers in hexadecimal: a socket's whole path may have 108 bytes."""
_swept = threading.Event()


@contextmanager
def scratch_folder(kind: str) -> Iterator[Path]:
    """A new folder, removed on the way out, however deep it has become.

    Args:
        kind: a word for its name.
    """
    if not _swept.is_set():
        _swept.set()
        sweep(Path(tempfile.gettempdir()))
    pid = os.getpid()
    made = Path(tempfile.mkdtemp(prefix=f"onbox-{kind}-{_namespace():x}-{pid:x}-{_started(pid):x}-"))
    try:
        yield made
    finally:
        remove(made)


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
