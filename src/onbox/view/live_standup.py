"""A stand-up under way: the watch's own samples, taken again through the code that took them."""

import time
from pathlib import Path

from pydantic import ValidationError

from onbox.evidence.records import MemoryLogLine
from onbox.view.tails import JsonTail
from onbox.watch.classify import Assessment
from onbox.watch.samples import WatchSample
from onbox.watch.watcher import Tracker

MEMORY = "memory.jsonl"


class StandUpFollower:
    """Follows a `samples.jsonl`.

    Args:
        path: it may not be there yet; another one in its place is followed from its start.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tail = JsonTail(path)
        self._tracker = Tracker()
        self._log = JsonTail(path.with_name(MEMORY))
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
        """Since memory was last looked at, by the watch or by the guard."""
        return max(0.0, min(time.time() - _changed(path) for path in (self._path, self._path.with_name(MEMORY))))

    def refresh(self) -> None:
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
        self._read_guard_log()

    def _read_guard_log(self) -> None:
        """Once it serves, the watch is over, and the guard's log goes on."""
        last = None
        for line in self._log.new():
            try:
                last = MemoryLogLine.model_validate(line)
            except ValidationError:
                continue
        if last is None or self.memory is None or _changed(self._path) > _changed(self._path.with_name(MEMORY)):
            return
        held = (last.own_bytes or 0) + (last.gpu_bytes or 0)
        self.memory = last.available_bytes, self.memory[1], held or self.memory[2]


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
