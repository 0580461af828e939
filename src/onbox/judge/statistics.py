"""Is a difference chance? Exact tests in whole numbers, so that no rounding decides.

Two questions are kept apart: *these tasks* (the runs are random, `stratified_permutation`) and *tasks like these* (the
tasks are random, `sign_flip`). Intervals are in `intervals.py`.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from statistics import NormalDist


def stratified_permutation(strata: Iterable[tuple[int, int, int, int]]) -> float | None:
    """Two-sided exact p for "A and B pass alike on each of these tasks".

    Under that hypothesis A's passes on a task are hypergeometric, given how many of both passed; their sum over tasks
    is the convolution. Outcomes no likelier than the one seen count against the hypothesis (as in Fisher's test).

    Args:
        strata: (A passed, A valid, B passed, B valid) of each task; one that either has no run of says nothing.

    Returns:
        None when no stratum has runs of both.
    """
    used = [stratum for stratum in strata if stratum[1] and stratum[3]]
    if not used:
        return None
    ways: dict[int, int] = {0: 1}
    for a_passed, a_n, b_passed, b_n in used:
        passed, n = a_passed + b_passed, a_n + b_n
        grown: Counter[int] = Counter()
        for k in range(max(0, passed - b_n), min(a_n, passed) + 1):
            count = math.comb(passed, k) * math.comb(n - passed, a_n - k)
            for total, before in ways.items():
                grown[total + k] += before * count
        ways = grown
    seen = ways[sum(a_passed for a_passed, *_ in used)]
    return float(Fraction(sum(count for count in ways.values() if count <= seen), sum(ways.values())))


def fisher_exact(a_passed: int, a_n: int, b_passed: int, b_n: int) -> float | None:
    """Fisher's exact test, two-sided: the permutation test of one stratum."""
    return stratified_permutation([(a_passed, a_n, b_passed, b_n)])


def sign_flip(differences: Sequence[Fraction]) -> float | None:
    """Two-sided exact p for "tasks like these favour neither": each task's difference may change its sign.

    The smallest p that T tasks can give is 2 / 2^T.

    Args:
        differences: of the pass rates, one a task.

    Returns:
        None without a task.
    """
    if not differences:
        return None
    scale = math.lcm(*(difference.denominator for difference in differences))
    whole = [int(difference * scale) for difference in differences]
    sums: dict[int, int] = {0: 1}
    for value in whole:
        grown: Counter[int] = Counter()
        for total, ways in sums.items():
            grown[total + value] += ways
            grown[total - value] += ways
        sums = grown
    seen = abs(sum(whole))
    return float(Fraction(sum(ways for total, ways in sums.items() if abs(total) >= seen), 2 ** len(whole)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment for several comparisons, in the order given (Holm 1979)."""
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = worst
    return adjusted


def runs_needed(rate_a: float, rate_b: float, power: float = 0.8, alpha: float = 0.05) -> int | None:
    """Runs of each of two contenders that would show a difference of these rates.

    n = (z_{alpha/2} + z_beta)^2 (p1 q1 + p2 q2) / (p1 - p2)^2, the normal approximation.

    Returns:
        None when the rates are equal: no number of runs would.
    """
    difference = rate_a - rate_b
    if not difference:
        return None
    z = NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)
    return math.ceil(z**2 * (rate_a * (1 - rate_a) + rate_b * (1 - rate_b)) / difference**2)


def jeffreys_mean(passed: float, n: float) -> float:
    """The rate that few runs suggest, pulled off 0 and 1: (passed + 1/2) / (n + 1)."""
    return (passed + 0.5) / (n + 1)
