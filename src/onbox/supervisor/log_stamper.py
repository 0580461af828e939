"""The engine's log: every line stamped, and the phases that its landmarks tell.

A line ends with a newline or, as the states of a progress bar do, with a carriage return: a bar that stands still would
otherwise hide the phase that it belongs to. The bytes are kept as they came, the carriage return too; of a bar that
moves quickly only a state a second is written.
"""

import re
import time
from collections.abc import Callable, Iterable
from typing import IO

from onbox.secret_forms import without_secrets

BAR_EVERY_S = 1.0
"""So often, at most, a state of a bar is written."""
IDLE_S = 1.0
"""A line without an end is written after this time without another byte: it may be all that is ever said."""
LINE_BYTES_MAX = 1 << 20
"""A line without an end is cut at this length."""
ENDS = re.compile(rb"\r\n|\n|\r")
BAR_NAME = re.compile(rb"[^\d%|]*")
"""What tells one bar from the next: its text before the first number."""


class LineStamper:
    """Writes a log with each line's wall clock and seconds since the start before it.

    Args:
        log: where the lines go.
        started: monotonic time of the start.
        phases: told each line, also those of a bar that are not written.
        clock: monotonic seconds.
    """

    def __init__(
        self, log: IO[bytes], started: float, phases: "Phases", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._started = started
        self._phases = phases
        self._clock = clock
        self._pending = b""
        self._after_return = False
        """The last byte was a carriage return, so that a newline right after it ends nothing."""
        self._bar = b""
        """The newest state of a bar that is not written."""
        self._bar_name: bytes | None = None
        self._bar_s = float("-inf")
        """When a state of a bar was last written."""
        self._last_s = clock()
        """When the last byte came."""

    def write(self, data: bytes) -> None:
        """Take in what the engine wrote."""
        now = self._last_s = self._clock()
        data = self._pending + data
        if self._after_return and data.startswith(b"\n"):
            data = data[1:]
        if not data:
            return
        self._after_return = data.endswith(b"\r")
        out, at, lines = [], 0, []
        for end in ENDS.finditer(data):
            line, at = data[at : end.start()], end.end()
            lines.append(line)
            if end[0] == b"\r":
                out += self._bar_state(line, now)
            else:
                out += [*self._held_bar(), self._stamped(line + b"\n")]
        self._pending = data[at:]
        if len(self._pending) > LINE_BYTES_MAX:
            lines.append(self._pending)
            out, self._pending = [*out, self._stamped(self._pending + b"\n")], b""
        self._put(out, lines)

    def idle(self) -> None:
        """Write what waits for more, if nothing more came for a while; to be called now and then."""
        if not (self._pending or self._bar) or self._clock() - self._last_s < IDLE_S:
            return
        self._flush()

    def end(self) -> None:
        """Write a last line that had no end."""
        self._flush()

    def _flush(self) -> None:
        line, self._pending = self._pending, b""
        out = self._held_bar()
        self._put([*out, self._stamped(line + b"\n")] if line else out, [line] if line else [])

    def _bar_state(self, line: bytes, now: float) -> list[bytes]:
        """What to write of a state: the first of each bar, and one a second; of the others the newest is held."""
        if not line.strip():
            return []
        name = BAR_NAME.match(line)
        held = []
        if name is None or name[0] != self._bar_name:
            held = self._held_bar()
        elif now - self._bar_s < BAR_EVERY_S:
            self._bar = line
            return []
        self._bar, self._bar_name, self._bar_s = b"", name and name[0], now
        return [*held, self._stamped(line + b"\r\n")]

    def _held_bar(self) -> list[bytes]:
        line, self._bar = self._bar, b""
        return [self._stamped(line + b"\r\n")] if line else []

    def _stamped(self, line: bytes) -> bytes:
        now = time.time()
        wall = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
        return f"{wall} +{self._clock() - self._started:9.3f} ".encode() + without_secrets(line)

    def _put(self, out: list[bytes], lines: list[bytes]) -> None:
        if out:
            self._log.write(b"".join(out))
        self._phases.read(lines)


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

    def set(self, phase: str) -> None:
        """onbox knows better, from then on."""
        self._landmarks = []
        self.phase = phase
