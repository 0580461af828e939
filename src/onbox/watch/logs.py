"""Follow what is said: a file that grows, or a pipe."""

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from onbox.watch.tail import READ_BYTES, Tail

LINE_MAX = 300
IDLE_S = 1.0
"""A line without an end is told after this time without another byte."""
KEPT_MAX = 8
"""Lines of one tick that are kept beside the landmarks: the last ones."""
BREAK = re.compile(rb"[\r\n]+")
STAMP = re.compile(r"^\S+Z \+ *[\d.]+ ")
"""What the supervisor of a stand-up puts before each line."""
FRACTION = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)(?!\d)|(?<!\d)(\d{1,3})(?:\.\d+)?\s?%")
NO_NEWS = re.compile(
    r"No available shared memory broadcast block found|\"GET /(health|metrics|v1/models|ping|load|version)\b"
    r"|slots are idle|[Ww]aiting for .*(to be ready|to come up|other processes)"
)
"""Lines that tell of waiting, or of somebody who looks, however new they are."""
NUMBER = re.compile(r"\d+(?:[.:]\d+)*")


class Log(Protocol):
    """Where lines come from."""

    total_bytes: int
    """How much was said so far."""

    def read(self) -> list[str]:
        """Whole lines that came since the last call; never waits."""
        ...

    def close(self) -> None: ...


class LineCutter:
    """Cuts what comes at newlines and carriage returns.

    A line without an end is told too once nothing came for a while: a progress bar that stands still has no end, and
    neither has a question. It is told again, whole, when it goes on.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last_s = clock()
        self._pending = b""
        self._told_early = False

    def cut(self, data: bytes) -> list[str]:
        """The lines that are told by now, with `data` come since the last call."""
        if not data:
            if self._told_early or not self._pending.strip() or self._clock() - self._last_s < IDLE_S:
                return []
            self._told_early = True
            return [_clean(self._pending)]
        self._last_s = self._clock()
        before = self._pending if self._told_early else None
        *lines, self._pending = BREAK.split(self._pending + data)
        self._told_early = self._told_early and not lines and self._pending == before
        if lines and lines[0] == before:
            lines = lines[1:]
        return [_clean(line) for line in lines if line.strip()]

    def begin_anew(self) -> None:
        """What was pending belongs to another file."""
        self._pending, self._told_early = b"", False


class PipeLog:
    """The read end of a pipe."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        os.set_blocking(descriptor, False)
        self._cutter = LineCutter()
        self.total_bytes = 0

    def read(self) -> list[str]:
        data = b""
        with suppress(BlockingIOError):
            while chunk := os.read(self._descriptor, READ_BYTES):
                data += chunk
        self.total_bytes += len(data)
        return self._cutter.cut(data)

    def close(self) -> None:
        os.close(self._descriptor)


class FileLog:
    """A file that something appends to; one that is not there yet, or starts anew, is no error.

    Args:
        path: of the file.
        from_end: leave out what it holds already.
    """

    def __init__(self, path: Path, from_end: bool = False) -> None:
        self._tail = Tail(path, from_end=from_end)
        self._cutter = LineCutter()
        self.total_bytes = 0

    def read(self) -> list[str]:
        data, anew = self._tail.read()
        if anew:
            self._cutter.begin_anew()
        self.total_bytes += len(data)
        return self._cutter.cut(data)

    def close(self) -> None:
        self._tail.close()


def _clean(line: bytes) -> str:
    text = STAMP.sub("", line.decode("utf-8", "replace")).strip()
    return "".join(sign if sign.isprintable() else " " for sign in text[:LINE_MAX])


def fraction(line: str) -> float | None:
    """How far a line says that something is, between 0 and 1: `k/n` or a percentage; None when it does not say."""
    for match in FRACTION.finditer(line):
        if match[3] is not None:
            if (share := int(match[3]) / 100) <= 1:
                return share
        elif float(match[2]) > 0 and float(match[1]) <= float(match[2]):
            return float(match[1]) / float(match[2])
    return None


def form(line: str) -> str:
    """A line without its numbers: what says the same again and again has the same form."""
    return NUMBER.sub("#", line)
