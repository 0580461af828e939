"""How fast something comes, and when it will be here."""

import time
from collections.abc import Callable


class Meter:
    """Rate and time left of something that counts bytes, over the last seconds.

    Args:
        clock: seconds that only grow.
    """

    SPAN_S = 10.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._points: list[tuple[float, int]] = []

    def take(self, done: int, total: int) -> tuple[float, float | None]:
        """(bytes a second, seconds left or None where that cannot be known)."""
        now = self._clock()
        self._points.append((now, done))
        while len(self._points) > 2 and self._points[1][0] <= now - self.SPAN_S:
            self._points.pop(0)
        began, first = self._points[0]
        span = now - began
        rate = (done - first) / span if span > 0 else 0.0
        return rate, (total - done) / rate if rate > 0 else None
