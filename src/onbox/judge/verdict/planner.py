"""How many runs would settle it, if more runs go as these few suggest, shrunk towards no difference.

Two models that are worth comparing are as often as not equally able, and else differ by some 25 points: what few runs
show is weighed against that before it is believed (Bayes, a normal prior with a point at none). The promise is an
average over what is then still possible. bench/values_simulation.py holds it against trials that are drawn and judged
by the rule itself.
"""

import math
from collections.abc import Callable
from statistics import NormalDist

from onbox.judge import thresholds as limit
from onbox.judge.comparison_results import Pace
from onbox.judge.verdict.comparison import Pair
from onbox.judge.verdict.pairing import TaskPairs

NORMAL = NormalDist()
USUAL = 0.25
"""Spread of the differences between models that are worth comparing and differ."""
NONE = 0.5
"""How often such models do not differ."""
DRAWN_TO = 2.0
"""Runs for which the mean of all tasks counts beside those of a task."""
EXACT = 1.1
"""The exact test of a difference wants more than its normal approximation says, by so much of its error."""


def runs_that_settle(pair: Pair, runs: int, level_at: Callable[[int], float], power: float = limit.POWER) -> int | None:
    """Runs of each task, those that are there included, that settle it with a chance of 80 percent.

    Settled is a difference in either direction, or, where it is known who is faster, that there is none that matters.
    What is looked at because it is large is in part luck, so the difference is shrunk by the prior, and what is not
    known of it is part of the chance.

    Args:
        pair: what is there.
        runs: of each task so far.
        level_at: what p must be below with so many runs.
        power: another chance.

    Returns:
        None when `RUNS_A_TASK_MAX` would not do.
    """
    if not pair.runs.tasks or runs < 1:
        return None
    wanted = runs + 1
    while wanted <= limit.RUNS_A_TASK_MAX:
        # The usual level first: that of a further look takes an integration.
        if chance(pair, runs, wanted, limit.P_MAX) >= power and chance(pair, runs, wanted, level_at(wanted)) >= power:
            return wanted
        wanted += max(1, wanted // 12)
    return None


def chance(pair: Pair, runs: int, wanted: int, level: float) -> float:
    """That so many runs of each task settle it, given those that are there."""
    difference, error = float(pair.runs.difference), _error(pair.runs)
    low, high = _open(pair, error * math.sqrt(runs / wanted), wanted / runs, level)
    if low >= high:
        return 1.0
    new, of_more = (wanted - runs) / wanted, error * math.sqrt(runs / (wanted - runs))
    kept = USUAL**2 / (USUAL**2 + error**2)
    none, some = (
        share * NormalDist(0, math.hypot(spread, error)).pdf(difference)
        for share, spread in ((NONE, 0.0), (1 - NONE, USUAL))
    )
    equal = NormalDist(difference * (1 - new), new * of_more)
    unlike = NormalDist(difference * (1 - new + new * kept), new * math.hypot(math.sqrt(kept) * error, of_more))
    left_open = sum(share * (then.cdf(high) - then.cdf(low)) for share, then in ((none, equal), (some, unlike)))
    return 1 - left_open / (none + some)


def _open(pair: Pair, error: float, more: float, level: float) -> tuple[float, float]:
    """The differences that would settle nothing if they were seen in the end: above the first, below the second.

    Args:
        pair: what is there.
        error: standard error of the difference in the end.
        more: runs in the end over those that are there.
        level: what p must be below in the end.
    """
    each, margin = level / pair.among, pair.rule.values.ability_margin
    low, high = (sign * NORMAL.inv_cdf(1 - each / 2) * EXACT * error for sign in (-1, 1))
    if pair.weighed.pace is not Pace.UNKNOWN:
        # Half of the interval by which the rule shows that there is none that matters, if there is none.
        half = pair.runs.half_if_equal(more, 1 - 2 * each)
        if pair.weighed.pace is Pace.FASTER:
            high = min(high, half - margin)
        else:
            low = max(low, margin - half)
    return low, high


def _error(runs: TaskPairs) -> float:
    """Standard error of the difference, by the rates of the tasks, each drawn to the mean of all."""
    cells = [(task.old, task.new) for task in runs.tasks]
    everything = [run for old, new in cells for run in (*old, *new)]
    mean = (sum(run.passed for run in everything) + 0.5) / (len(everything) + 1)
    variance = 0.0
    for old, new in cells:
        rate = (sum(run.passed for run in (*old, *new)) + DRAWN_TO * mean) / (len(old) + len(new) + DRAWN_TO)
        variance += rate * (1 - rate) * (1 / len(old) + 1 / len(new))
    return math.sqrt(variance) / len(cells)
