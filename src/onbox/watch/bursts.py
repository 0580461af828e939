"""Processor time that comes in bursts: something computes, rests, and computes again.

A loop that waits in a circle burns without a rest, and one that sleeps and looks burns next to nothing, so neither has
bursts. Each burst is a sign of progress once, when it begins.
"""

BUSY_SHARE = 0.3
"""Of one core, from which a look counts as busy."""
QUIET_SHARE = 0.05
"""Of one core, below which a look counts as a rest."""
BURST_S = 0.5
"""Processor seconds in a row that make a burst."""
REST_S = 1.0
"""What stands between two bursts, at least."""
RHYTHM = 1.5
"""So many of the longest pause so far may pass before a burst is missed."""


class Bursts:
    """Counts bursts from what each look adds."""

    def __init__(self) -> None:
        self.count = 0
        self._longest_gap_s = 0.0
        self._last_s: float | None = None
        self._before_s: float | None = None
        self._quiet_since_s: float | None = None
        self._rested = True
        self._cpu_s = 0.0

    def take(self, now_s: float, cpu_s: float) -> bool:
        """Take in the processor time since the look before; whether a burst has begun by now.

        Args:
            now_s: of this look.
            cpu_s: seconds of processor time of the whole set since the look before.
        """
        since_s = now_s - self._before_s if self._before_s is not None else 0.0
        self._before_s = now_s
        if since_s <= 0:
            return False
        share = cpu_s / since_s
        if share <= QUIET_SHARE:
            self._quiet_since_s = now_s - since_s if self._quiet_since_s is None else self._quiet_since_s
            if now_s - self._quiet_since_s >= REST_S:
                self._rested, self._cpu_s = True, 0.0
            return False
        self._quiet_since_s = None
        if share < BUSY_SHARE or not self._rested:
            return False
        self._cpu_s += cpu_s
        if self._cpu_s < BURST_S:
            return False
        self._rested, self._cpu_s = False, 0.0
        if self._last_s is not None:
            self._longest_gap_s = max(self._longest_gap_s, now_s - self._last_s)
        self._last_s = now_s
        self.count += 1
        return True

    def in_rhythm(self, now_s: float) -> bool:
        """Whether there were several, and the next one is not overdue."""
        return self.count > 1 and self._last_s is not None and now_s - self._last_s <= RHYTHM * self._longest_gap_s
