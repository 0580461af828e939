"""Bounds of the mean of what can be drawn, where nothing is known of its spread but a least and a largest value.

Gaffke's bound (2005; Learned-Miller and Thomas 2020; Phan, Thomas and Learned-Miller, ICML 2021): give the sorted
sample and the end of the scale the spacings of uniform numbers as weights, and take a quantile of that random mean. Of
draws that are 0 or 1 it is the interval of Clopper and Pearson; of draws that agree it is narrower, but never so narrow
that a kind of draw which the sample has missed could not be there. No coverage below the nominal has been found.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

Interval = tuple[float, float]
_STEP = 0.05
_NODES = tuple(
    (math.exp(math.pi / 2 * math.sinh(step * _STEP)), math.pi / 2 * math.cosh(step * _STEP) * _STEP)
    for step in range(-67, 68)
)
"""(u, weight of du / u) of the double exponential rule over 0 < u < infinity (Takahasi and Mori 1974)."""
_CLOSE = 1e-10


def mean_interval(values: Sequence[float], least: float, most: float, confidence: float = 0.95) -> Interval:
    """Interval of the mean of which the values are independent draws between `least` and `most`.

    Raises:
        ValueError: no value.
    """
    if not values:
        raise ValueError("no value, no mean")
    tail = (1 - confidence) / 2
    span = most - least
    up = Counter(round((value - least) / span, 12) for value in values)
    down = Counter(round((most - value) / span, 12) for value in values)
    return least + span * _lower(up, tail), most - span * _lower(down, tail)


def mean_above(values: Sequence[float], least: float, most: float, bound: float, confidence: float = 0.95) -> bool:
    """Whether the lower end of `mean_interval` lies above a bound: one probability, where the end takes thirty.

    Raises:
        ValueError: no value.
    """
    if not values:
        raise ValueError("no value, no mean")
    shares = Counter(round((value - least) / (most - least), 12) for value in values)
    at = (bound - least) / (most - least)
    if at < 0 or at >= max(shares):
        return at < 0
    return _below({**shares, 0.0: shares.get(0.0, 0) + 1}, at) < (1 - confidence) / 2


def _lower(shares: Mapping[float, int], tail: float) -> float:
    """The quantile of the random mean in which one more draw of 0 takes part."""
    high = max(shares)
    if not high:
        return 0.0
    weighted = {**shares, 0.0: shares.get(0.0, 0) + 1}
    # Regula falsi with the halving of Illinois: the probability grows from 0 at 0 to 1 at the largest draw.
    low, at_low, at_high = 0.0, -tail, 1 - tail
    while high - low > _CLOSE:
        middle = low - at_low * (high - low) / (at_high - at_low)
        middle = min(max(middle, low + _CLOSE / 4), high - _CLOSE / 4)
        found = _below(weighted, middle) - tail
        if abs(found) < _CLOSE:
            return middle
        if found < 0:
            low, at_low, at_high = middle, found, at_high / 2
        else:
            high, at_high, at_low = middle, found, at_low / 2
    return (low + high) / 2


def _below(weighted: Mapping[float, int], mean: float) -> float:
    """P(sum of w_i x_i <= mean) for weights w from a flat Dirichlet distribution.

    That is P(sum of e_i (x_i - mean) <= 0) for exponential e_i, by Imhof's inversion (1961) of the characteristic
    function.
    """
    terms = [(value - mean, count) for value, count in weighted.items() if value != mean]
    scale = math.sqrt(sum(count * each * each for each, count in terms) / sum(count for _, count in terms))
    terms = [(each / scale, count) for each, count in terms]
    total = 0.0
    for u, weight in _NODES:
        angle = size = 0.0
        for each, count in terms:
            x = u * each
            angle += count * math.atan(x)
            size += count * math.log1p(x * x)
        total += math.sin(angle) * math.exp(-size / 2) * weight
    return min(1.0, max(0.0, 0.5 - total / math.pi))
