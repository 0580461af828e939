"""How long two contenders take for the same work: the ratio of their times, and how well it is known.

The estimand is of these tasks: the time of one run of each task by the one, over the same by the other. A run that
failed took its time too, so all valid runs count; what a failure costs in passes is the other half of the comparison.

Few noisy runs have long tails that they have not met, and a standard error that takes a mean for what it is misses
that. So the error of the logarithm of the ratio is the jackknife's, which is too large rather than too small (Efron
and Stein 1981), and with few degrees of freedom the interval holds that of the pairs' own logarithms too: where one
contender takes a fixed share of the other's time, these lie evenly around it whatever the times are like, and under
such symmetry Student's t errs rather less often than it says (Efron 1969). Where one of them is the noisier, its long
tail lies on one side, and the bound on that side moves out by the first term of Edgeworth's expansion of Student's t
(Johnson 1978; Hall 1992, 3.5); no bound moves in.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

from onbox.judge.intervals import Interval, t_quantile

TimedRuns = Mapping[tuple[str, int], float]
"""Seconds of each valid run, by (task, number): the same key had the same seed and files for every contender."""
Pairs = Mapping[str, Sequence[tuple[float, float]]]
"""Seconds of (incumbent, challenger) in each pair of runs, by task."""
TIMED_MIN_S = 1e-9
"""What clocks tell apart; an edited record may hold any number."""
NOISE_MIN = 0.02
"""Of a single run: the least spread that is believed. Contenders run one after the other, and no box gives the same
time twice to the percent; equal times in a few runs are luck, or a clock that is too coarse."""
TASKS_MIN = 3
"""With one run of each task, what the tasks differ by must stand for the noise of a run, and two show no spread."""
FEW_DEGREES = 30
"""With fewer degrees of freedom the interval holds that of the pairs' logarithms too."""


@dataclass(frozen=True)
class Estimate:
    """A value that is known up to an error.

    Args:
        value: of it.
        error: standard error.
        degrees: of freedom of the error (Satterthwaite 1946); 1 at least.
        skewness: of what it is drawn from: its third central moment over the cube of the error; 0: symmetric.
    """

    value: float
    error: float
    degrees: float
    skewness: float = 0.0

    def bounds(self, confidence: float) -> Interval:
        """By Student's t, moved out on the side of the longer tail."""
        half = t_quantile(confidence, self.degrees) * self.error
        z = NormalDist().inv_cdf((1 + confidence) / 2)
        moved = self.skewness * (1 + 2 * z * z) / 6 * self.error
        return self.value - half + min(0.0, moved), self.value + half + max(0.0, moved)


@dataclass(frozen=True)
class TimeRatio:
    """The times of a challenger over those of an incumbent.

    Args:
        old_s: of one run of each task by the incumbent, in all.
        new_s: the same of the challenger.
        log: logarithm of their ratio.
        log_of_pairs: mean logarithm of the ratio within pairs, each task weighing by its time.
        difference_s: of their sums.
        pairs: runs with the same task and seed that both are known of.
        tasks: of these.
    """

    old_s: float
    new_s: float
    log: Estimate
    log_of_pairs: Estimate
    difference_s: Estimate
    pairs: int
    tasks: int

    @cached_property
    def ratio(self) -> float:
        """Below 1: the challenger is faster."""
        return self.new_s / self.old_s

    def interval(self, confidence: float = 0.95) -> Interval:
        """Of the ratio: Student's t on the scale of its logarithm."""
        low, high = self.log.bounds(confidence)
        if self.log.degrees < FEW_DEGREES:
            of_pairs = self.log_of_pairs.bounds(confidence)
            low, high = min(low, of_pairs[0]), max(high, of_pairs[1])
        return math.exp(low), math.exp(min(high, 700.0))

    def minutes_a_task(self, confidence: float = 0.95) -> tuple[float, Interval]:
        """What the challenger takes more than the incumbent, in minutes of one run, and its interval."""
        scale = 60 * self.tasks
        low, high = self.difference_s.bounds(confidence)
        return self.difference_s.value / scale, (low / scale, high / scale)


def time_ratio(old: TimedRuns, new: TimedRuns, independent: float = 1.0) -> TimeRatio | None:
    """Compare two contenders' times on the pairs of runs that both have.

    Pairs share seed and files, so what is spread is the difference of both runs within tasks (Cochran 1977, 5.3). Tasks
    with a single pair take the relative spread of the others; where every task has one, the tasks themselves are the
    sample. A pair of which one took less than `TIMED_MIN_S` was not timed.

    Args:
        old: of the incumbent.
        new: of the challenger.
        independent: share of the runs that are not copies of another; errors grow by its root.

    Returns:
        None where too little is known: fewer than two pairs, or only single pairs of fewer than three tasks.
    """
    tasks: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for task, n in sorted(old.keys() & new.keys()):
        if min(old[task, n], new[task, n]) >= TIMED_MIN_S:
            tasks[task].append((old[task, n], new[task, n]))
    pairs = sum(map(len, tasks.values()))
    if pairs < 2 or (pairs == len(tasks) and pairs < TASKS_MIN):
        return None
    means = {task: (_mean([a for a, _ in each]), _mean([b for _, b in each])) for task, each in tasks.items()}
    old_s, new_s = math.fsum(a for a, _ in means.values()), math.fsum(b for _, b in means.values())
    shares = {task: (a / old_s + b / new_s) / 2 for task, (a, b) in means.items()}
    middle = math.fsum(shares[task] * _mean([math.log(b / a) for a, b in each]) for task, each in tasks.items())
    grown = 1 / math.sqrt(independent)
    return TimeRatio(
        old_s=old_s,
        new_s=new_s,
        log=_estimate(math.log(new_s / old_s), _left_out(tasks, means, old_s, new_s), shares, grown),
        log_of_pairs=_estimate(
            middle,
            {task: [shares[task] * (math.log(b / a) - middle) for a, b in each] for task, each in tasks.items()},
            shares,
            grown,
            symmetric=True,
        ),
        difference_s=_estimate(
            new_s - old_s,
            {task: [b - a for a, b in each] for task, each in tasks.items()},
            {task: (a + b) / 2 for task, (a, b) in means.items()},
            grown,
        ),
        pairs=pairs,
        tasks=len(tasks),
    )


def _left_out(
    tasks: Pairs, means: Mapping[str, tuple[float, float]], old_s: float, new_s: float
) -> dict[str, list[float]]:
    """What each pair adds to the logarithm of the ratio, by leaving it out (Tukey's jackknife, by strata: Jones 1974);
    where every task has one pair, by leaving out the task."""
    whole, lone = math.log(new_s / old_s), all(len(each) == 1 for each in tasks.values())
    found: dict[str, list[float]] = {}
    for task, each in tasks.items():
        n, (a_mean, b_mean) = len(each), means[task]
        if lone:
            without = math.log((new_s - b_mean) / (old_s - a_mean))
            found[task] = [(len(tasks) - 1) / len(tasks) * (whole - without)]
        elif n == 1:
            found[task] = [0.0]
        else:
            found[task] = [
                (n - 1) * (whole - math.log((new_s + (b_mean - b) / (n - 1)) / (old_s + (a_mean - a) / (n - 1))))
                for a, b in each
            ]
    return found


def _estimate(
    value: float,
    gaps: Mapping[str, Sequence[float]],
    size: Mapping[str, float],
    grown: float,
    *,
    symmetric: bool = False,
) -> Estimate:
    """A value, with the error of the sum over tasks of the mean gap.

    Args:
        value: of it.
        gaps: what each pair adds to its task's part of the value, by task.
        size: of each task's part, to which the noise of a run is proportional.
        grown: by which the error grows, since some runs are copies.
        symmetric: whether gaps lie evenly around their middle.
    """
    error, degrees = _error(gaps, size)
    # Of fewer runs the sum is the more skewed, by the same factor as its error.
    skewness = 0.0 if symmetric else grown * _third_moment(gaps) / error**3
    return Estimate(value, error * grown, degrees, skewness)


def _third_moment(gaps: Mapping[str, Sequence[float]]) -> float:
    """Central, of the sum over tasks of the mean gap; of a task's two runs, and of a single one among others, nothing
    can be told. With one run of each task the tasks are the sample."""
    if all(len(each) == 1 for each in gaps.values()):
        lone = [each[0] for each in gaps.values()]
        return len(lone) * _third_cumulant(lone)
    return math.fsum(_third_cumulant(each) / len(each) ** 2 for each in gaps.values())


def _third_cumulant(values: Sequence[float]) -> float:
    """Unbiased (Fisher's k-statistic); 0 with fewer than three values."""
    n, middle = len(values), _mean(values)
    return math.fsum((value - middle) ** 3 for value in values) * n / ((n - 1) * (n - 2)) if n > 2 else 0.0


def _error(gaps: Mapping[str, Sequence[float]], size: Mapping[str, float]) -> tuple[float, float]:
    """(standard error, degrees of freedom) of the sum over tasks of the mean gap."""
    floor = math.fsum(2 * (NOISE_MIN * size[task]) ** 2 / len(each) for task, each in gaps.items())
    repeated = {task: each for task, each in gaps.items() if len(each) > 1}
    if not repeated:
        return _of_single_runs([each[0] for each in gaps.values()], [size[task] for task in gaps], floor)
    squares, pool, pool_degrees = [], 0.0, 0
    for task, each in repeated.items():
        middle, degrees = _mean(each), len(each) - 1
        sum_squares = math.fsum((gap - middle) ** 2 for gap in each)
        pool, pool_degrees = pool + sum_squares / size[task] ** 2, pool_degrees + degrees
        squares.append((sum_squares / degrees / len(each), degrees))
    lone = math.fsum(size[task] ** 2 for task in gaps.keys() - repeated.keys()) * pool / pool_degrees
    variance = math.fsum(square for square, _ in squares) + lone
    if variance <= floor:
        return math.sqrt(floor), float(pool_degrees)
    parts = math.fsum(square**2 / degrees for square, degrees in squares) + lone**2 / pool_degrees
    return math.sqrt(variance), max(1.0, variance**2 / parts) if parts > 0 else float(pool_degrees)


def _of_single_runs(gaps: Sequence[float], sizes: Sequence[float], floor: float) -> tuple[float, float]:
    """The same with one pair of each task: the larger of two estimates, for a long task hides the spread of others."""
    count = len(gaps)
    middle = _mean(gaps)
    direct = math.fsum((gap - middle) ** 2 for gap in gaps) * count / (count - 1)
    common = math.fsum(gaps) / math.fsum(sizes)
    relative = math.fsum((gap / size - common) ** 2 for gap, size in zip(gaps, sizes, strict=True)) / (count - 1)
    alike = relative * math.fsum(size**2 for size in sizes)
    return math.sqrt(max(direct, alike, floor)), float(count - 1)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
