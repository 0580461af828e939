"""How long what is left of a trial may take, by what has ended of it."""

from collections.abc import Sequence
from statistics import fmean


def remaining_s(left: int, ended_s: Sequence[float], at_a_time: int) -> float | None:
    """About how long the runs that are left take, at the mean of those that ended.

    Standing up and measuring a further contender, which may be far slower, is not in it.

    Args:
        left: runs of the plan that have not ended.
        ended_s: wall time of each run that ended.
        at_a_time: runs at a time.

    Returns:
        Seconds; None when no run has ended, so that nothing is known of their pace.
    """
    if not ended_s:
        return None
    return left * fmean(ended_s) / max(1, at_a_time)
