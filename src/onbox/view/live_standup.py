"""A stand-up under way: the watch's own samples, taken again through the code that took them."""

import time
from pathlib import Path

from onbox.view.tails import JsonTail
from onbox.watch.classify import Assessment
from onbox.watch.samples import WatchSample
from onbox.watch.watcher import Tracker


class StandingUp:
    """Follows a `samples.jsonl`.

    Args:
        path: it may not be there yet; another one in its place is followed from its start.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tail = JsonTail(path)
        self._tracker = Tracker()
        self.verdict: Assessment | None = None
        """Of the last sample."""
        self.memory: tuple[int, int, int] | None = None
        """(available, total, held) bytes at the last look at the box; None: there was none."""

    @property
    def left_s(self) -> float | None:
        """What is left of the current step, where that is honest to say."""
        return self._tracker.signs.course.eta_s

    @property
    def age_s(self) -> float:
        """Since the last sample was written."""
        try:
            return max(0.0, time.time() - self._path.stat().st_mtime)
        except OSError:
            return 0.0

    def look(self) -> None:
        """Take in what is new."""
        for line in self._tail.new():
            if self._tail.began_anew:
                self._tracker, self.verdict, self._tail.began_anew = Tracker(), None, False
            if "t_ns" not in line:
                continue
            try:
                self.verdict = self._tracker.take(WatchSample.from_json(line))
            except (TypeError, ValueError, AttributeError, IndexError, KeyError):
                continue  # not a sample: what comes after it may be one
            machine = self._tracker.signs.machine
            if machine is not None:
                held = self._tracker.signs.held_bytes
                self.memory = machine.available_bytes, machine.total_bytes, held
