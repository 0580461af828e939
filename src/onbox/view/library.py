"""The trials of a folder: found by their names, summed up from `verdict.json` alone, and kept while nothing changes."""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from onbox.errors import UsageError
from onbox.evidence.folder import TrialFolder
from onbox.judge.results import Verdict
from onbox.view.inside import inside
from onbox.view.summary import PageSummary, Stamp, State, read_verdict, summarize

DEPTH = 3
"""So many folders down trials are looked for."""
FOLDERS_MAX = 50_000
"""So many folders are looked at in one search."""
FRESH_S = 1.0
"""For so long a search of the folder holds."""
SUMMARIES_MAX = 20_000
VERDICTS_BYTES_MAX = 64_000_000
"""Of `verdict.json`, of those that are kept whole."""
MARKS = ("plan.yaml", "verdict.json", "import.json")
"""A folder with one of these is a trial, or was to be one."""

K = TypeVar("K")
V = TypeVar("V")


class TrialSummary(Generic[K, V]):
    """The values that were asked for last; of all together no more than a limit.

    Args:
        limit: of the sizes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._values: OrderedDict[K, tuple[object, int, V]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K, stamp: object, size: int, make: Callable[[], V]) -> V:
        """The value of a key as of a stamp, made where it is not kept."""
        with self._lock:
            found = self._values.get(key)
            if found is not None and found[0] == stamp:
                self._values.move_to_end(key)
                return found[2]
        value = make()
        with self._lock:
            old = self._values.pop(key, None)
            self._size += size - (old[1] if old else 0)
            self._values[key] = (stamp, size, value)
            while self._size > self._limit and len(self._values) > 1:
                _, (_, gone, _) = self._values.popitem(last=False)
                self._size -= gone
        return value


@dataclass(frozen=True)
class FoundTrial:
    """A trial's folder, and when what stands in it last changed."""

    at: str
    """Relative to the folder that is shown; `.` for that folder itself."""
    stamp: Stamp


class Library:
    """All trials at or below a folder.

    Args:
        top: the folder.

    Raises:
        UsageError: there is no such folder.
    """

    def __init__(self, top: Path) -> None:
        if not top.is_dir():
            raise UsageError(f"{top}: no such folder", "name a folder of trials, or one trial")
        self.top = inside(top)
        self.name = str(top)
        """As it was named."""
        self.cut_off = False
        """Whether there were more folders than were looked at."""
        self._found: tuple[float, list[FoundTrial]] = (-FRESH_S, [])
        self._summaries: TrialSummary[str, PageSummary] = TrialSummary(SUMMARIES_MAX)
        self._verdicts: TrialSummary[str, Verdict | None] = TrialSummary(VERDICTS_BYTES_MAX)

    def trials(self) -> list[FoundTrial]:
        """Every trial, the one that changed last first."""
        now = time.monotonic()
        if now - self._found[0] >= FRESH_S:
            self._found = (now, sorted(self._search(), key=lambda each: (-each.stamp.changed_ns, each.at)))
        return self._found[1]

    def folder(self, at: str) -> TrialFolder:
        """The trial's folder; nothing that is read through it lies outside.

        Raises:
            UsageError: there is no such trial.
        """
        parts = () if at == "." else tuple(at.split("/"))
        if any(part in ("", ".", "..") or "\0" in part for part in parts):
            raise UsageError("no such trial: its name leads out of the folder", "")
        path = self.top.joinpath(*parts)
        if not path.is_dir():
            raise UsageError("no such trial in this folder", "")
        return TrialFolder(path)

    def stamp(self, at: str) -> Stamp:
        """When the files of a trial last changed."""
        return Stamp.of(self.folder(at).path)

    def summary(self, found: FoundTrial) -> PageSummary:
        """What the list shows of a trial."""
        return self._summaries.get(found.at, found.stamp.key(), 1, lambda: self._summarize(found))

    def _summarize(self, found: FoundTrial) -> PageSummary:
        try:
            return summarize(found.at, self.folder(found.at).path, found.stamp)
        except UsageError as error:
            return PageSummary(at=found.at, state=State.BROKEN, title=found.at, headline=error.message)

    def verdict(self, at: str) -> Verdict | None:
        """The written verdict with all its runs; None: there is none yet.

        Raises:
            UsageError: it cannot be read.
        """
        stamp = self.stamp(at)
        if stamp.verdict is None:
            return None
        path = self.folder(at).path / "verdict.json"
        return self._verdicts.get(at, stamp.verdict, stamp.verdict[1], lambda: read_verdict(path))

    def _search(self) -> list[FoundTrial]:
        found: list[FoundTrial] = []
        looked, waiting = 0, [("", 0)]
        while waiting and looked < FOLDERS_MAX:
            at, depth = waiting.pop()
            looked += 1
            below: dict[str, os.DirEntry[str]] = {}
            try:
                with os.scandir(os.path.join(self.top, at) if at else self.top) as entries:
                    below = {entry.name: entry for entry in entries}
            except OSError:
                continue
            if any(name in below for name in MARKS):
                found.append(FoundTrial(at or ".", Stamp.of_entries(below)))
            elif depth < DEPTH:
                waiting += [
                    (os.path.join(at, name), depth + 1)
                    for name, entry in below.items()
                    if not name.startswith(".") and _is_folder(entry)
                ]
        self.cut_off = bool(waiting)
        return found


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False
