"""Whether a process works on a folder, by the locks that the kernel knows: a lock of our own would be in its way."""

import os
import re
import time

LOCKS = "/proc/locks"
FRESH_S = 0.5
_LINE = re.compile(rb": FLOCK +ADVISORY +WRITE +\S+ ([0-9a-f]+):([0-9a-f]+):(\d+) ")
_cached: tuple[float, frozenset[tuple[int, int]]] = (-FRESH_S, frozenset())


def held(folder: str) -> bool:
    """Whether somebody holds the lock of `onbox.evidence.lock`; one in another PID namespace is not seen."""
    try:
        found = os.stat(folder, follow_symlinks=False)
    except OSError:
        return False
    return (found.st_dev, found.st_ino) in _locks()


def _locks() -> frozenset[tuple[int, int]]:
    """(device, inode) of every lock."""
    global _cached
    now = time.monotonic()
    if now - _cached[0] >= FRESH_S:
        try:
            with open(LOCKS, "rb") as file:
                data = file.read()
        except OSError:
            data = b""
        found = frozenset((os.makedev(int(a, 16), int(b, 16)), int(inode)) for a, b, inode in _LINE.findall(data))
        _cached = (now, found)
    return _cached[1]
