"""Intervals for rates, in pure Python: no numpy, so that every machine computes the same.

Oracles in the tests: scipy and statsmodels.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

Interval = tuple[float, float]

Z_95 = NormalDist().inv_cdf(0.975)


def wilson(passed: float, n: float, quantile: float = Z_95) -> Interval | None:
    """Score interval of a proportion (Wilson 1927); None for n = 0.

    Args:
        passed: successes; fractional when n is an effective size.
        n: trials, or an effective number of them.
        quantile: of the normal distribution, or of Student's t where n_eff is estimated.
    """
    if n <= 0:
        return None
    share, z2 = passed / n, quantile * quantile
    middle = share + z2 / (2 * n)
    half = quantile * math.sqrt(max(0.0, share * (1 - share) / n + z2 / (4 * n * n)))
    scale = 1 + z2 / n
    low = 0.0 if passed <= 0 else (middle - half) / scale
    high = 1.0 if passed >= n else (middle + half) / scale
    return max(0.0, low), min(1.0, high)


def clopper_pearson(passed: float, n: float, confidence: float = 0.95) -> Interval | None:
    """Exact interval of a proportion (Clopper and Pearson 1934), by beta quantiles, so that n may be fractional.

    None for n = 0.
    """
    if n <= 0:
        return None
    tail = (1 - confidence) / 2
    low = 0.0 if passed <= 0 else beta_quantile(tail, passed, n - passed + 1)
    high = 1.0 if passed >= n else beta_quantile(1 - tail, passed + 1, n - passed)
    return low, high


def paired_newcombe(
    a: tuple[float, float], b: tuple[float, float], pairs: Sequence[tuple[bool, bool]], confidence: float = 0.95
) -> Interval | None:
    """Interval of b - a where some runs of the two are pairs (Newcombe 1998, paired method 10).

    The bounds of each rate are those of Clopper and Pearson in place of Wilson's, which cover too little near 0 and 1.

    Args:
        a: (passed, n) of the one; fractional when n is an effective size.
        b: (passed, n) of the other.
        pairs: (a passed, b passed); none: the two are independent.
        confidence: two-sided.

    Returns:
        None when either has no run.
    """
    bounds_a, bounds_b = clopper_pearson(*a, confidence), clopper_pearson(*b, confidence)
    if bounds_a is None or bounds_b is None:
        return None
    rate_a, rate_b = a[0] / a[1], b[0] / b[1]
    share = _phi(pairs) * min(1.0, 2 * len(pairs) / (a[1] + b[1]))
    down_a, up_a, down_b, up_b = rate_a - bounds_a[0], bounds_a[1] - rate_a, rate_b - bounds_b[0], bounds_b[1] - rate_b
    low = rate_b - rate_a - math.sqrt(max(0.0, down_b**2 - 2 * share * down_b * up_a + up_a**2))
    high = rate_b - rate_a + math.sqrt(max(0.0, up_b**2 - 2 * share * up_b * down_a + down_a**2))
    return max(-1.0, low), min(1.0, high)


def _phi(pairs: Sequence[tuple[bool, bool]]) -> float:
    """Correlation of the ends of pairs, less what so few of them may show by chance (Newcombe's correction)."""
    n = len(pairs)
    both, neither = pairs.count((True, True)), pairs.count((False, False))
    first, second = pairs.count((True, False)), pairs.count((False, True))
    margins = (both + first) * (both + second) * (neither + first) * (neither + second)
    if not margins:
        return 0.0
    product = both * neither - first * second
    return (max(0.0, product - n / 2) if product > 0 else product) / math.sqrt(margins)


def ratio_half_width(
    pairs: Sequence[tuple[float, float]], confidence: float = 0.95, *, first: int | None = None
) -> float | None:
    """Half of the interval of sum(amount)/sum(seconds), over that ratio, by Student's t over whole requests.

    The ratio estimator of survey sampling (Cochran 1977, 6.4): with residuals e = amount - ratio * seconds, the
    variance of the ratio is n / (n - 1) * sum(e^2) / sum(seconds)^2.

    Where the scatter of the first ones settled how many follow, the variance is theirs alone, with their degrees of
    freedom: an interval that took it from all would be too narrow (Stein 1945, two-sample procedure).

    Args:
        pairs: (amount, seconds) of each request.
        confidence: two-sided.
        first: how many of them settled the number of all; None: it was settled before.

    Returns:
        None with fewer than two requests: one request has no spread.
    """
    n, known = len(pairs), pairs[:first]
    if len(known) < 2:
        return None
    amount = math.fsum(each for each, _ in pairs)
    known_amount, known_seconds = (math.fsum(column) for column in zip(*known, strict=True))
    if amount <= 0 or known_amount <= 0 or known_seconds <= 0:
        return None
    ratio = known_amount / known_seconds
    squares = math.fsum((each - ratio * spent) ** 2 for each, spent in known)
    degrees = len(known) - 1
    return t_quantile(confidence, degrees) * math.sqrt(n * squares / degrees) / amount


def t_quantile(confidence: float, degrees: float) -> float:
    """Student's t with P(|T| <= t) = confidence."""
    x = beta_quantile(1 - confidence, degrees / 2, 0.5)
    return math.sqrt(degrees * (1 / x - 1))


@lru_cache(4096)
def beta_quantile(probability: float, a: float, b: float) -> float:
    """Where the beta distribution's cumulative probability is reached: Newton's steps, halves where they lead out."""
    low, high, at = 0.0, 1.0, a / (a + b)
    for _ in range(200):
        above = beta_cumulative(at, a, b) - probability
        low, high = (low, at) if above >= 0 else (at, high)
        density = _beta_density(at, a, b)
        then = at - above / density if density > 0 else low
        if not low < then < high:
            then = (low + high) / 2
        if abs(then - at) <= 1e-15 * at or then in (low, high):
            return then
        at = then
    return at


def _beta_density(x: float, a: float, b: float) -> float:
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(front + (a - 1) * math.log(x) + (b - 1) * math.log1p(-x))


def beta_cumulative(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function I_x(a, b), by Lentz's continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_cumulative(1 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    tiny, c, d, fraction = 1e-300, 1.0, 0.0, 1.0
    for step in range(1000):
        m = step // 2
        if step == 0:
            numerator = 1.0
        elif step % 2 == 0:
            numerator = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            numerator = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / ((1 + numerator * d) or tiny)
        c = (1 + numerator / c) or tiny
        fraction *= c * d
        if abs(1 - c * d) < 1e-15:
            break
    return front * (fraction - 1) / a
