"""How many runs would settle it, if more runs go as these few suggest, shrunk towards no difference.

bench/values_simulation.py holds the promise against trials that are drawn and judged by the rule itself.
"""

import math
from collections.abc import Callable
from statistics import NormalDist

from onbox.judge import thresholds as limit
from onbox.judge.verdict.comparison import Pair
from onbox.judge.verdict.pairing import Paired
from onbox.judge.weighed import Pace

NORMAL = NormalDist()
USUAL = 0.25
"""Spread of the differences between models that are worth comparing: the prior that few runs are drawn towards."""
DRAWN_TO = 2.0
"""Runs for which the mean of all tasks counts beside those of a task."""
EXACT = 1.1
"""Exact tests and intervals of few runs want more than the normal approximation says, by so much of its error."""


def runs_that_settle(pair: Pair, runs: int, level_at: Callable[[int], float]) -> int | None:
    """Runs of each task, those that are there included, that settle it with a chance of 80 percent.

    Settled is a difference in either direction, or, where it is known who is faster, that there is none that matters.
    What is looked at because it is large is in part luck, so the difference is shrunk by a normal prior around none,
    and what is not known of it is part of the chance.

    Args:
        pair: what is there.
        runs: of each task so far.
        level_at: what p must be below with so many runs.

    Returns:
        None when `RUNS_A_TASK_MAX` would not do.
    """
    if not pair.runs.tasks or runs < 1:
        return None
    wanted = runs + 1
    while wanted <= limit.RUNS_A_TASK_MAX:
        # The usual level first: that of a further look takes an integration.
        if (
            chance(pair, runs, wanted, limit.P_MAX) >= limit.POWER
            and chance(pair, runs, wanted, level_at(wanted)) >= limit.POWER
        ):
            return wanted
        wanted += max(1, wanted // 12)
    return None


def chance(pair: Pair, runs: int, wanted: int, level: float) -> float:
    """That so many runs of each task settle it, given those that are there."""
    seen, error = float(pair.runs.difference), _error(pair.runs)
    kept, new = USUAL**2 / (USUAL**2 + error**2), (wanted - runs) / wanted
    middle = seen * (1 - new + new * kept)
    spread = new * math.sqrt(kept * error**2 + error**2 * runs / (wanted - runs))
    then = NormalDist(middle, spread)
    final, margin = EXACT * error * math.sqrt(runs / wanted), pair.rule.values.ability_margin
    each = level / pair.among
    low, high = (sign * NORMAL.inv_cdf(1 - each / 2) * final for sign in (-1, 1))
    equal = NORMAL.inv_cdf(1 - each) * final
    if pair.weighed.pace is Pace.FASTER:
        high = min(high, equal - margin)
    elif pair.weighed.pace is not Pace.UNKNOWN:
        low = max(low, margin - equal)
    return 1 - max(0.0, then.cdf(high) - then.cdf(low))


def _error(runs: Paired) -> float:
    """Standard error of the difference, by the rates of the tasks, each drawn to the mean of all."""
    cells = [(task.old, task.new) for task in runs.tasks]
    everything = [run for old, new in cells for run in (*old, *new)]
    mean = (sum(run.passed for run in everything) + 0.5) / (len(everything) + 1)
    variance = 0.0
    for old, new in cells:
        rate = (sum(run.passed for run in (*old, *new)) + DRAWN_TO * mean) / (len(old) + len(new) + DRAWN_TO)
        variance += rate * (1 - rate) * (1 / len(old) + 1 / len(new))
    return math.sqrt(variance) / len(cells)
