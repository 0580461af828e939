"""The engine's log: every line stamped, and the phases that its landmarks tell."""

import re
import time
from collections.abc import Iterable
from typing import IO


class LineStamper:
    """Writes a log with each line's wall clock and seconds since the start before it.

    Args:
        log: where the lines go.
        started: monotonic time of the start.
        phases: told each line.
    """

    def __init__(self, log: IO[bytes], started: float, phases: "Phases") -> None:
        self._log = log
        self._started = started
        self._phases = phases
        self._pending = b""

    def write(self, data: bytes) -> None:
        """Take in what the engine said."""
        *lines, self._pending = (self._pending + data).split(b"\n")
        now = time.time()
        wall = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
        stamp = f"{wall} +{time.monotonic() - self._started:9.3f} ".encode()
        if lines:
            self._log.write(b"".join(stamp + line.rstrip(b"\r") + b"\n" for line in lines))
            self._phases.read(lines)

    def end(self) -> None:
        """Write a last line that had no end."""
        if self._pending:
            self.write(b"\n")


class Phases:
    """Where a stand-up is, by the landmarks of its log and by what onbox says.

    Args:
        landmarks: (phase, regular expression of the line with which it begins).
    """

    def __init__(self, landmarks: Iterable[tuple[str, str]]) -> None:
        self._landmarks = [(phase, re.compile(pattern.encode())) for phase, pattern in landmarks]
        self.phase = "start"

    def read(self, lines: Iterable[bytes]) -> None:
        """Take in lines of the log, without their stamps."""
        for line in lines if self._landmarks else ():
            for phase, pattern in self._landmarks:
                if pattern.search(line):
                    self.phase = phase
                    break

    def told(self, phase: str) -> None:
        """onbox knows better, from then on."""
        self._landmarks = []
        self.phase = phase
