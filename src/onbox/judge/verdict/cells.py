"""What the statistics know of a contender: each planned run of a task in an arm, and which runs repeat others."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CellKey = tuple[str, str]
"""(task, arm)"""


@dataclass(frozen=True)
class CountedRun:
    """A run that counts.

    Args:
        n: its number in the plan, that it shares with a run of every other contender and arm; None: it has no
            counterpart, as in an import.
        passed: whether it passed.
        instance: hash of the files that its seed gave; empty: unknown.
        answer: all that the model said, to be compared; None: it cannot be.
    """

    n: int | None
    passed: bool
    instance: str = ""
    answer: object | None = None


@dataclass(frozen=True)
class Slot:
    """A run that the plan asked for.

    Args:
        n: as in `Seen`.
        passed: None: invalid or missing.
        served: whether it failed in serving, or may have.
        instance: as in `Seen`.
        answer: as in `Seen`.
    """

    n: int | None
    passed: bool | None
    served: bool = False
    instance: str = ""
    answer: object | None = None

    def counted(self, *, unknown: bool | None = None, served: bool = False) -> CountedRun | None:
        """The run as it counts; None where it does not.

        Args:
            unknown: what a run without a valid end counts as.
            served: whether a failure in serving counts as a pass.
        """
        if self.passed is None:
            return None if unknown is None else CountedRun(self.n, unknown, self.instance)
        return CountedRun(self.n, self.passed or (served and self.served), self.instance, self.answer)


@dataclass(frozen=True)
class Cell:
    """The runs of one contender on one task in one arm."""

    slots: tuple[Slot, ...]

    @property
    def runs(self) -> list[CountedRun]:
        """The valid ones."""
        return [run for slot in self.slots if (run := slot.counted()) is not None]

    @property
    def passed(self) -> int:
        """Runs that passed."""
        return sum(slot.passed is True for slot in self.slots)

    @property
    def served(self) -> int:
        """Valid runs that failed in serving, or may have."""
        return sum(slot.served for slot in self.slots if slot.passed is not None)

    @property
    def n(self) -> int:
        """Valid runs."""
        return sum(slot.passed is not None for slot in self.slots)

    @property
    def unknown(self) -> int:
        """Runs of the plan that are invalid or missing."""
        return sum(slot.passed is None for slot in self.slots)


def repeats(runs: Iterable[CountedRun]) -> list[int]:
    """How many runs gave each answer, with the same end: 1 for a run that repeats none.

    Two runs of a task that say the same, word for word, through a whole conversation may have been drawn twice, or be
    one draw that came twice (temperature 0, a server that ignores seeds, a cache of replies). Their text cannot tell,
    so they count as one.
    """
    alike: Counter[tuple[object, bool]] = Counter()
    alone = 0
    for run in runs:
        if run.answer is None:
            alone += 1
        else:
            alike[run.answer, run.passed] += 1
    return [*alike.values(), *[1] * alone]


def effective(sizes: Sequence[int]) -> float:
    """Independent runs that know a rate as well as these: (sum m)^2 / sum m^2 (Kish 1965), where m runs are alike."""
    return sum(sizes) ** 2 / sum(size * size for size in sizes) if sizes else 0.0


def distinct(runs: Sequence[CountedRun]) -> tuple[int, int]:
    """(passed, n) of the answers, each counted once."""
    answers = {(run.answer, run.passed) if run.answer is not None else (run.n, index, run.passed)
               for index, run in enumerate(runs)}  # fmt: skip
    return sum(bool(answer[-1]) for answer in answers), len(answers)
