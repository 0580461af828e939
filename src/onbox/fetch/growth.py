"""Progress of a download that another program makes: the bytes that its folder holds."""

import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

POLL_S = 0.5


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder; files may vanish meanwhile."""
    total = 0
    # Not by rglob, which raises where a folder vanishes.
    for at, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                found = Path(at, name).stat()
                total += found.st_size if stat.S_ISREG(found.st_mode) else 0
    return total


@contextmanager
def watched(folder: Path, on_bytes: Callable[[int], None]) -> Iterator[None]:
    """Report the folder's bytes twice a second while the body runs."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(POLL_S):
            on_bytes(folder_bytes(folder))

    thread = threading.Thread(target=watch, name="onbox-growth", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
