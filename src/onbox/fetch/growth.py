"""Progress of a download that another program makes: the bytes that its folder holds."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_S = 0.5


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder; files may vanish meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
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
