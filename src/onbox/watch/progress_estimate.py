"""How far a step is, and when it will be done, where that is honest: from the bytes of a file, or the log."""

from collections import deque

from onbox.watch.logs import fraction
from onbox.watch.samples import WatchSample

SPAN_S = 30.0
RECENT_S = 20.0
"""What was told longer ago says nothing of now."""


class ProgressEstimate:
    """The share of the current step that is done."""

    def __init__(self) -> None:
        self.what = ""
        self.share: float | None = None
        self.eta_s: float | None = None
        self._points: deque[tuple[float, float]] = deque()
        self._told_s = -RECENT_S
        self._at: dict[str, int] = {}

    def take(self, sample: WatchSample, now_s: float) -> None:
        """Take in the next sample: the largest open file that moves tells, else the last line with `k/n` or `n %`."""
        if sample.files is not None:
            # A file that stays where it is (a library, a map) tells nothing.
            moved = [each for each in sample.files if 0 <= self._at.get(each.name, -1) < each.at_bytes]
            self._at = {each.name: each.at_bytes for each in sample.files}
            if moved:
                largest = max(moved, key=lambda each: each.of_bytes)
                self._note(largest.name, largest.at_bytes / largest.of_bytes, now_s)
                self._told_s = now_s
                return
        for line in sample.log:
            share = fraction(line)
            if share is not None:
                self._told_s = now_s
                self._note("the log", share, now_s)
        if now_s - self._told_s >= RECENT_S:
            self.begin_anew()

    def begin_anew(self) -> None:
        """Forget: another step has begun, or this one tells no more."""
        self.what, self.share, self.eta_s = "", None, None
        self._points.clear()

    def _note(self, what: str, share: float, now_s: float) -> None:
        if what != self.what or (self.share is not None and share < self.share):
            self._points.clear()
        self.what, self.share, self.eta_s = what, share, None
        self._points.append((now_s, share))
        while len(self._points) > 2 and self._points[1][0] <= now_s - SPAN_S:
            self._points.popleft()
        begin, first = self._points[0]
        if now_s - begin >= 2.0 and share > first:
            self.eta_s = (1 - share) * (now_s - begin) / (share - first)
