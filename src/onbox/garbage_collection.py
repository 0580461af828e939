"""No collection of garbage meanwhile: it takes tens of milliseconds, for which the stamps of a reply would wait.

Where a hundred thousand objects are made and none is garbage, each collection looks through all of them again.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_paused = 0
_collects = False


@contextmanager
def paused_collection() -> Iterator[None]:
    """Pause it for the body; of several bodies at a time the last one to end lets it go on, if it went before."""
    global _paused, _collects
    with _lock:
        if _paused == 0:
            _collects = gc.isenabled()
            gc.disable()
        _paused += 1
    try:
        yield
    finally:
        with _lock:
            _paused -= 1
            if _paused == 0 and _collects:
                gc.enable()
