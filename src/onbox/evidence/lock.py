"""One onbox at a time works on a trial."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onbox.errors import UsageError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for the body; the kernel lets go of it when this process dies, however it dies.

    Raises:
        UsageError: another process holds it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(f"{folder}: another onbox works on it", "wait for it, or stop it") from error
        yield
    finally:
        os.close(handle)
