"""How long two contenders take for the same work: the ratio of their times, and how well it is known.

The estimand is of these tasks: the time of one run of each task by the one, over the same by the other. A run that
failed took its time too, so all valid runs count; what a failure costs in passes is the other half of the comparison.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from onbox.judge.intervals import Interval, t_quantile

TimedRuns = Mapping[tuple[str, int], float]
"""Seconds of each valid run, by (task, number): the same key had the same seed and files for every contender."""
NOISE_MIN = 0.02
"""Of a single run: the least spread that is believed. Contenders run one after the other, and no box gives the same
time twice to the percent; equal times in a few runs are luck, or a clock that is too coarse."""
TASKS_MIN = 3
"""With one run of each task, what the tasks differ by must stand for the noise of a run, and two show no spread."""


@dataclass(frozen=True)
class TimeRatio:
    """The times of a challenger over those of an incumbent.

    Args:
        old_s: of one run of each task by the incumbent, in all.
        new_s: the same of the challenger.
        log_error: standard error of the logarithm of their ratio.
        difference_error_s: standard error of their difference.
        degrees: of freedom of both errors (Satterthwaite 1946); 1 at least.
        pairs: runs with the same task and seed that both are known of.
        tasks: of these.
    """

    old_s: float
    new_s: float
    log_error: float
    difference_error_s: float
    degrees: float
    pairs: int
    tasks: int

    @cached_property
    def ratio(self) -> float:
        """Below 1: the challenger is faster."""
        return self.new_s / self.old_s

    def interval(self, confidence: float = 0.95) -> Interval:
        """Of the ratio: Student's t on the scale of its logarithm."""
        half = t_quantile(confidence, self.degrees) * self.log_error
        return self.ratio * math.exp(-half), self.ratio * math.exp(min(half, 700.0))

    def minutes_a_task(self, confidence: float = 0.95) -> tuple[float, Interval]:
        """What the challenger takes more than the incumbent, in minutes of one run, and its interval."""
        scale = 60 * self.tasks
        half = t_quantile(confidence, self.degrees) * self.difference_error_s / scale
        more = (self.new_s - self.old_s) / scale
        return more, (more - half, more + half)


def time_ratio(old: TimedRuns, new: TimedRuns, independent: float = 1.0) -> TimeRatio | None:
    """Compare two contenders' times on the pairs of runs that both have.

    The ratio of two sums of task means, its error by the delta method within tasks: pairs share seed and files, so
    the spread is of the difference of both runs' shares (Cochran 1977, 6.5 and 5.3). Tasks with a single pair take
    the relative spread of the others; where every task has one, the tasks themselves are the sample.

    Args:
        old: of the incumbent.
        new: of the challenger.
        independent: share of the runs that are not copies of another; the error grows by its root.

    Returns:
        None where too little is known: fewer than two pairs, or only single pairs of fewer than three tasks.
    """
    tasks: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for task, n in sorted(old.keys() & new.keys()):
        tasks[task].append((old[task, n], new[task, n]))
    means = {task: (_mean([a for a, _ in each]), _mean([b for _, b in each])) for task, each in tasks.items()}
    old_s, new_s = math.fsum(a for a, _ in means.values()), math.fsum(b for _, b in means.values())
    if old_s <= 0 or new_s <= 0:
        return None
    relative = _error(tasks, means, 1 / old_s, 1 / new_s)
    absolute = _error(tasks, means, 1.0, 1.0)
    if relative is None or absolute is None:
        return None
    grown = 1 / math.sqrt(independent)
    return TimeRatio(
        old_s=old_s,
        new_s=new_s,
        log_error=relative[0] * grown,
        difference_error_s=absolute[0] * grown,
        degrees=relative[1],
        pairs=sum(map(len, tasks.values())),
        tasks=len(tasks),
    )


def _error(
    tasks: Mapping[str, Sequence[tuple[float, float]]],
    means: Mapping[str, tuple[float, float]],
    of_old: float,
    of_new: float,
) -> tuple[float, float] | None:
    """(standard error, degrees of freedom) of of_new * (sum of new means) - of_old * (sum of old means)."""
    size = {task: (of_old * a + of_new * b) / 2 for task, (a, b) in means.items()}
    floor = math.fsum(2 * (NOISE_MIN * size[task]) ** 2 / len(each) for task, each in tasks.items())
    repeated = {task: each for task, each in tasks.items() if len(each) > 1}
    if not repeated:
        return _of_single_runs([of_new * b - of_old * a for a, b in means.values()], list(size.values()), floor)
    squares, pool, pool_degrees = [], 0.0, 0
    for task, each in repeated.items():
        gaps = [of_new * b - of_old * a for a, b in each]
        middle, degrees = _mean(gaps), len(gaps) - 1
        sum_squares = math.fsum((gap - middle) ** 2 for gap in gaps)
        pool, pool_degrees = pool + sum_squares / size[task] ** 2, pool_degrees + degrees
        squares.append((sum_squares / degrees / len(each), degrees))
    lone = math.fsum(size[task] ** 2 for task in tasks.keys() - repeated.keys()) * pool / pool_degrees
    variance = math.fsum(square for square, _ in squares) + lone
    if variance <= floor:
        return math.sqrt(floor), float(pool_degrees)
    parts = math.fsum(square**2 / degrees for square, degrees in squares) + lone**2 / pool_degrees
    return math.sqrt(variance), max(1.0, variance**2 / parts) if parts > 0 else float(pool_degrees)


def _of_single_runs(gaps: Sequence[float], sizes: Sequence[float], floor: float) -> tuple[float, float] | None:
    """The same with one pair of each task: the larger of two estimates, for a long task hides the spread of others."""
    count = len(gaps)
    if count < TASKS_MIN:
        return None
    middle = _mean(gaps)
    direct = math.fsum((gap - middle) ** 2 for gap in gaps) * count / (count - 1)
    common = math.fsum(gaps) / math.fsum(sizes)
    relative = math.fsum((gap / size - common) ** 2 for gap, size in zip(gaps, sizes, strict=True)) / (count - 1)
    alike = relative * math.fsum(size**2 for size in sizes)
    return math.sqrt(max(direct, alike, floor)), float(count - 1)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
