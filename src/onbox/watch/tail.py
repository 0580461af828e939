"""What is new in a file that something appends to: read once, from an open file, and only when there is more of it."""

import os
import time
from contextlib import suppress
from pathlib import Path

READ_BYTES = 1 << 18
SAME_FILE_S = 1.0
"""So often it is asked whether the path still leads to the open file."""


class Tail:
    """A file that grows; one that is not there yet, or starts anew, is no error.

    It starts anew when it is cut, or when another file takes its name.

    Args:
        path: of the file.
        from_end: leave out what it holds already.
    """

    def __init__(self, path: Path, *, from_end: bool = False) -> None:
        self._path = os.fspath(path)
        self._file: int | None = None
        self._at = 0
        self._ask_at = 0.0
        if from_end:
            self._open()
            self._at = 0 if self._file is None else os.fstat(self._file).st_size

    def read(self) -> tuple[bytes, bool]:
        """(what came since the last call, whether the file started anew before it); never waits."""
        anew = False
        now = time.monotonic()
        if self._file is None or now >= self._ask_at:
            self._ask_at = now + SAME_FILE_S
            anew = self._follow_the_path()
        if self._file is None:
            return b"", anew
        size = os.fstat(self._file).st_size
        if size < self._at:
            self._at, anew = 0, True
        if size == self._at:
            return b"", anew
        data = os.pread(self._file, READ_BYTES, self._at)
        self._at += len(data)
        return data, anew

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _follow_the_path(self) -> bool:
        """Open the file that the path leads to; whether that is another one than before, which was read to its end."""
        before = self._file
        if before is None:
            self._open()
            return False
        try:
            same = os.path.samestat(os.stat(self._path), os.fstat(before))
        except OSError:
            # Removed: what is still written to the open file is read on.
            return False
        if same or os.pread(before, 1, self._at):
            return False
        os.close(before)
        self._open()
        self._at = 0
        return True

    def _open(self) -> None:
        self._file = None
        with suppress(OSError):
            self._file = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
