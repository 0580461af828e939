"""Rates over a trailing span, kept as running sums: a look every tenth of a second must cost next to nothing."""

from collections import deque


class RollingRate:
    """Sums of what grew within the last `span_s` seconds.

    Args:
        span_s: how far back the sums reach.
    """

    def __init__(self, span_s: float) -> None:
        self._span_s = span_s
        self._ticks: deque[tuple[float, dict[str, float]]] = deque()
        self._sums: dict[str, float] = {}
        self._begin_s: float | None = None

    def add(self, now_s: float, grown: dict[str, float]) -> None:
        """Take in what grew since the tick before; the first tick only says when the span begins."""
        if self._begin_s is None:
            self._begin_s = now_s
            return
        self._ticks.append((now_s, grown))
        for name, amount in grown.items():
            self._sums[name] = self._sums.get(name, 0.0) + amount
        while len(self._ticks) > 1 and self._ticks[0][0] <= now_s - self._span_s:
            self._begin_s, old = self._ticks.popleft()
            for name, amount in old.items():
                self._sums[name] -= amount

    def rates(self) -> dict[str, float]:
        """Means a second; sums that only rounding keeps from nought are nought."""
        if not self._ticks or self._begin_s is None:
            return {}
        span_s = max(self._ticks[-1][0] - self._begin_s, 1e-9)
        return {name: total / span_s if total > 1e-9 else 0.0 for name, total in self._sums.items()}
