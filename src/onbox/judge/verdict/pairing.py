"""Two sets of runs on the same tasks: what was done alike is compared with what was done alike.

Run n of a task has the same seed, and so the same files, for every contender and arm. Where the files differ from run
to run each pair is compared with itself, since an easy instance is easy for both. Where they do not, all runs of the
task are alike, and more can be told from them together; unless run n of the one ends as run n of the other far more
often than chance has it (two quants of one model at the same seed), which makes them pairs too. A task on which one
side repeats its answers word for word counts each of them once.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

from onbox.judge.exact_sums import at_least
from onbox.judge.intervals import Interval, paired_newcombe
from onbox.judge.mean_bounds import mean_above, mean_interval
from onbox.judge.statistics import sign_flip, stratified_permutation
from onbox.judge.verdict.cells import CountedRun, distinct, effective, repeats

Counts = tuple[int, int, int, int]
"""(new passed, new runs, old passed, old runs) of what is compared."""
ALIKE_P = 0.02
"""Ends agree too often for chance: such pairs are compared as pairs. So rare by chance that the test keeps its 5 %."""


@dataclass(frozen=True)
class TaskPair:
    """The runs of both on one task.

    Args:
        task: its name.
        old: of the incumbent, or the baseline.
        new: of the challenger, or the treatment.
        same_model: whether both are runs of one model, so that runs of one number are pairs even of the same files.
    """

    task: str
    old: tuple[CountedRun, ...]
    new: tuple[CountedRun, ...]
    same_model: bool = False

    @cached_property
    def repeated(self) -> bool:
        """Whether either side says something twice."""
        return max((*repeats(self.old), *repeats(self.new))) > 1

    @cached_property
    def by_instance(self) -> bool:
        """Whether run n of both had the same files, and other runs had others."""
        old, new = ({run.n: run.instance for run in runs} for runs in (self.old, self.new))
        shared = [n for n in old if n is not None and n in new]
        return (
            bool(shared)
            and all(old[n] and old[n] == new[n] for n in shared)
            and len({*old.values(), *new.values()}) > 1
        )

    @cached_property
    def numbered(self) -> list[tuple[CountedRun, CountedRun]]:
        """The runs of one number, each answer once: what repeats an earlier one of its side shows nothing new."""
        new = {run.n: run for run in self.new if run.n is not None}
        old = {run.n: run for run in self.old if run.n is not None}
        found, known = [], set[tuple[int, object]]()
        for n in sorted(old.keys() & new.keys()):
            both = old[n], new[n]
            answers = {(side, each.answer) for side, each in enumerate(both) if each.answer is not None}
            if not answers & known:
                found.append(both)
            known |= answers
        return found

    @cached_property
    def pairs(self) -> list[tuple[bool, bool]]:
        """(old passed, new passed) of the runs of one number."""
        new = {run.n: run.passed for run in self.new if run.n is not None}
        return [(run.passed, new[run.n]) for run in self.old if run.n in new]

    @cached_property
    def compared(self) -> tuple[Sequence[CountedRun], Sequence[CountedRun]]:
        """(old, new): the runs that the rates are of."""
        if not self.by_instance:
            return self.old, self.new
        shared = {run.instance for run in self.old} & {run.instance for run in self.new}
        old, new = ([run for run in runs if run.instance in shared] for runs in (self.old, self.new))
        return old, new

    @property
    def pooled(self) -> list[Counts]:
        """All runs as one stratum, each answer once."""
        return [(*distinct(self.new), *distinct(self.old))]

    def instances(self) -> Iterator[Counts]:
        """One stratum for each set of files that both had."""
        found: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for at, runs in ((0, self.new), (2, self.old)):
            for run in runs:
                found[run.instance][at] += run.passed
                found[run.instance][at + 1] += 1
        yield from ((a, b, c, d) for a, b, c, d in found.values() if b and d)

    @cached_property
    def rates(self) -> tuple[Fraction, Fraction]:
        """(old, new): of the files that both had, where files differ; else of all runs."""
        shared = list(self.instances()) if self.by_instance else []
        if not shared:
            return _rate(self.old), _rate(self.new)
        if all(b == d == 1 for _, b, _, d in shared):
            return Fraction(sum(each[2] for each in shared), len(shared)), Fraction(
                sum(each[0] for each in shared), len(shared)
            )
        old = sum((Fraction(c, d) for _, _, c, d in shared), Fraction(0)) / len(shared)
        return old, sum((Fraction(a, b) for a, b, _, _ in shared), Fraction(0)) / len(shared)

    @property
    def difference(self) -> Fraction:
        """The new rate less the old one."""
        return self.rates[1] - self.rates[0]


@dataclass(frozen=True)
class _Group:
    """Tasks that have about as many independent runs each.

    Args:
        share: of all tasks.
        old: (mean rate, independent runs that would know it as well).
        new: the same of the other.
        pairs: (old passed, new passed) of the runs of one number.
    """

    share: float
    old: tuple[float, float]
    new: tuple[float, float]
    pairs: Sequence[tuple[bool, bool]]

    @property
    def difference(self) -> float:
        """The new rate less the old one."""
        return self.new[0] - self.old[0]

    def bounds(self, confidence: float) -> Interval:
        """Of that difference."""
        (old, old_n), (new, new_n) = self.old, self.new
        return paired_newcombe((old * old_n, old_n), (new * new_n, new_n), self.pairs, confidence) or (-1.0, 1.0)

    def half_if_equal(self, more: float, confidence: float) -> float:
        """See `Paired.half_if_equal`."""
        (old, old_n), (new, new_n) = self.old, self.new
        rate, pairs = (old + new) / 2, [*self.pairs] * max(1, round(more))
        low, high = _Group(self.share, (rate, old_n * more), (rate, new_n * more), pairs).bounds(confidence)
        return (high - low) / 2


@dataclass(frozen=True)
class TaskPairs:
    """The tasks that both have runs of."""

    tasks: tuple[TaskPair, ...]

    @cached_property
    def strata(self) -> list[Counts]:
        """What is alike, task by task: runs, pairs of runs, or answers."""
        found: list[Counts] = []
        open_ones = []
        for task in self.tasks:
            if task.repeated:
                found += task.pooled
            elif task.same_model:
                found += _each(task.pairs)
            elif task.by_instance:
                found += task.instances()
            else:
                open_ones.append(task)
        if _alike([task.pairs for task in open_ones]):
            return found + [counts for task in open_ones for counts in _each(task.pairs)]
        return found + [counts for task in open_ones for counts in task.pooled]

    @cached_property
    def suite_p(self) -> float | None:
        """Chance of so large a difference on these tasks; see `stratified_permutation`."""
        return stratified_permutation(self.strata)

    @cached_property
    def population_p(self) -> float | None:
        """Chance of so large a difference for tasks like these; see `sign_flip`."""
        return sign_flip([task.difference for task in self.tasks])

    @cached_property
    def difference(self) -> Fraction:
        """Mean over tasks of the new rate less the old one, so that each task weighs the same."""
        return sum((task.difference for task in self.tasks), Fraction(0)) / max(1, len(self.tasks))

    @cached_property
    def interval(self) -> Interval | None:
        """95 percent, of the difference on these tasks."""
        return self.bounds(0.95)

    @cached_property
    def _groups(self) -> list["_Group"]:
        """The tasks by how many independent runs there are of each: more than half of the most, of these half, ...

        A task that lost most of its runs weighs as much as one that has all, and the runs of the others do not tell how
        far off its few are.
        """
        sizes = [[effective(repeats(runs)) for runs in task.compared] for task in self.tasks]
        most = [max(size[of] for size in sizes) for of in range(2)]
        found: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for number, size in enumerate(sizes):
            found[tuple(int(math.log2(most[of] / size[of])) for of in range(2))].append(number)
        return [
            _Group(
                share=len(numbers) / len(self.tasks),
                old=self._side(0, numbers, sizes),
                new=self._side(1, numbers, sizes),
                pairs=[pair for number in numbers for pair in self.tasks[number].pairs],
            )
            for numbers in found.values()
        ]

    def _side(self, of: int, numbers: Sequence[int], sizes: Sequence[Sequence[float]]) -> tuple[float, float]:
        """(mean rate of some tasks, independent runs that would know it as well)."""
        rate = sum((self.tasks[number].rates[of] for number in numbers), Fraction(0)) / len(numbers)
        return float(rate), len(numbers) ** 2 / math.fsum(1 / sizes[number][of] for number in numbers)

    def bounds(self, confidence: float) -> Interval | None:
        """Of the difference on these tasks; None without one.

        Those of groups of tasks are put together as variances are (MOVER: Zou and Donner 2008).
        """
        if not self.tasks:
            return None
        if len(self._groups) == 1:
            return self._groups[0].bounds(confidence)
        down, up = 0.0, 0.0
        for group in self._groups:
            low, high = group.bounds(confidence)
            down += (group.share * (group.difference - low)) ** 2
            up += (group.share * (high - group.difference)) ** 2
        difference = float(self.difference)
        return max(-1.0, difference - math.sqrt(down)), min(1.0, difference + math.sqrt(up))

    def half_if_equal(self, more: float, confidence: float) -> float:
        """Half of `bounds` with so many times the runs, if both pass alike then.

        Args:
            more: runs then over those that are there.
            confidence: two-sided.
        """
        return math.hypot(*(group.share * group.half_if_equal(more, confidence) for group in self._groups)) or 1.0

    @cached_property
    def population_interval(self) -> Interval | None:
        """95 percent, of the difference on tasks like these; None with fewer than two tasks."""
        if len(self.tasks) < 2:
            return None
        return mean_interval([float(task.difference) for task in self.tasks], -1, 1)

    def population_sign(self, confidence: float) -> int:
        """1 where the bounds of the mean difference on tasks like these lie above zero, -1 below, 0 around it."""
        if len(self.tasks) < 2:
            return 0
        values = [float(task.difference) for task in self.tasks]
        if mean_above(values, -1, 1, 0, confidence):
            return 1
        return -mean_above([-value for value in values], -1, 1, 0, confidence)

    @property
    def tally(self) -> tuple[int, int, int]:
        """Tasks on which the new one is (better, equal, worse)."""
        signs = [(task.difference > 0) - (task.difference < 0) for task in self.tasks]
        return signs.count(1), signs.count(0), signs.count(-1)


def paired(old: Mapping[str, Sequence[CountedRun]], new: Mapping[str, Sequence[CountedRun]]) -> TaskPairs:
    """Put the runs of each task side by side; a task that either has none of is left out."""
    return TaskPairs(
        tuple(TaskPair(task, tuple(runs), tuple(new[task])) for task, runs in old.items() if runs and new.get(task))
    )


def _each(pairs: Sequence[tuple[bool, bool]]) -> list[Counts]:
    return [(new, 1, old, 1) for old, new in pairs]


def _rate(runs: Sequence[CountedRun]) -> Fraction:
    return Fraction(sum(run.passed for run in runs), len(runs))


def _alike(tasks: Sequence[Sequence[tuple[bool, bool]]]) -> bool:
    """Whether run n of the one ends as run n of the other too often for chance, given how many passed in all.

    It looks at how many pairs differ, never at which way, so that the test that is chosen by it keeps its promise.
    """
    parts, agreeing = [], 0
    for pairs in tasks:
        n, passed = len(pairs), sum(old + new for old, new in pairs)
        if not 0 < passed < 2 * n:
            continue
        # Pairs in which both passed; each leaves two passes fewer for pairs that differ, which fall either way.
        agreeing += sum(old and new for old, new in pairs)
        parts.append((n, passed))
    return bool(parts) and _agreement_p(tuple(sorted(parts)), agreeing) <= ALIKE_P


@lru_cache(4096)
def _agreement_p(tasks: tuple[tuple[int, int], ...], agreeing: int) -> float:
    """Chance that so many pairs both pass, of tasks with (pairs, passes of both sides)."""
    parts = []
    for n, passed in tasks:
        least = max(0, passed - n)
        both = range(least, passed // 2 + 1)
        parts.append(
            (least, [math.comb(n, k) * math.comb(n - k, passed - 2 * k) * 2 ** (passed - 2 * k) for k in both])
        )
    return at_least(parts, agreeing)
