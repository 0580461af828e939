"""The log of an engine that stands up, line by line, as the supervisor writes it."""

import re
from pathlib import Path

from onbox.watch.tail import Tail

STAMP = re.compile(r"^\S+Z \+ *[\d.]+ ")
"""What the supervisor puts before each line."""
LAST_LINES = 6


class EngineLog:
    """What the engine said so far; each byte of the file is read once.

    Args:
        path: of the log; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._tail = Tail(path)
        self._pending = b""
        self.lines: list[str] = []
        """Whole lines since the file began, without the supervisor's stamps."""

    def read(self) -> list[str]:
        """Whole lines that came since the last call; a line that has no end yet waits for it."""
        found: list[str] = []
        while True:
            data, anew = self._tail.read()
            if anew:
                self._pending = b""
                self.lines.clear()
            if not data:
                break
            whole, end, self._pending = (self._pending + data).rpartition(b"\n")
            found += [STAMP.sub("", line) for line in (whole + end).decode("utf-8", "replace").splitlines()]
        self.lines += found
        return found

    def last_words(self) -> str:
        """The last lines, for an error."""
        self.read()
        words = [line.strip() for line in self.lines[-LAST_LINES:]]
        return " | ".join(word for word in words if word) or "nothing"

    def close(self) -> None:
        self._tail.close()
