"""Are the requests of one kind? A few that are slower, or faster, than all others agree to be are no scatter.

An interval of scatter knows nothing of a kind of which one or two were met: how often it comes decides the rate, and so
few requests do not tell.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from onbox.judge import thresholds as limit
from onbox.judge.intervals import t_quantile

OTHERS_MIN = 3
"""Fewer agree by chance."""


class OutlierRequests(NamedTuple):
    """Requests that are none of the others' kind."""

    requests: int
    slower: float
    """The nearest of them beside the mean of the others, less 1: 0.2 is 20 percent more time a token."""
    spread: float
    """Coefficient of variation of the others."""


def other_kind(paces_s: Sequence[float]) -> OutlierRequests | None:
    """The rarer kind, where one was met, and too seldom for its share to be known.

    The slowest (or fastest) ones are held against a prediction interval of the others, Student's t, shared among all
    that could have been parted so (Bonferroni): of requests of one kind it is said in one of a hundred measurements.

    Args:
        paces_s: seconds a token of each request.
    """
    ordered, n = sorted(paces_s), len(paces_s)
    for few in range(1, min(n // 2, limit.KIND_KNOWN - 1) + 1):
        for others, nearest in ((ordered[:-few], ordered[-few]), (ordered[few:], ordered[few - 1])):
            found = _parted(others, nearest, few, limit.KIND_FALSE / (2 * n if few == 1 else n * n))
            if found is not None:
                return found
    return None


def _parted(others: Sequence[float], nearest: float, few: int, chance: float) -> OutlierRequests | None:
    m = len(others)
    if m < OTHERS_MIN:
        return None
    mean = math.fsum(others) / m
    deviation = math.sqrt(math.fsum((each - mean) ** 2 for each in others) / (m - 1))
    bound = t_quantile(1 - chance, m - 1) * deviation * math.sqrt(1 + 1 / m)
    if abs(nearest - mean) <= max(bound, limit.KIND_APART * mean):
        return None
    return OutlierRequests(few, nearest / mean - 1, deviation / mean)
