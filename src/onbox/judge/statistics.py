"""Is a difference chance? Exact tests in whole numbers, so that no rounding decides.

Two questions are kept apart: *these tasks* (the runs are random, `stratified_permutation`) and *tasks like these* (the
tasks are random, `sign_flip`). Intervals are in `intervals.py`.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache

from onbox.judge.exact_sums import subsets_up_to, two_sided

EXACT_BITS = 1_000_000
"""Work up to which a permutation test is computed without any rounding; beyond, in fixed point of 128 bits."""
SUMS_BITS = 20_000_000
"""Room for the sums of a sign-flip test; 2.5 MB."""
HALF_MAX = 16
"""Tasks of each half, where the sums do not fit: 2^16 sums each."""


def stratified_permutation(strata: Iterable[tuple[int, int, int, int]]) -> float | None:
    """Two-sided exact p for "A and B pass alike on each of these tasks".

    Under that hypothesis A's passes on a task are hypergeometric, given how many of both passed; their sum over tasks
    is the convolution. Outcomes no likelier than the one seen count against the hypothesis (as in Fisher's test). With
    one run of each in every stratum it is McNemar's exact test of pairs. Where whole numbers grow too large,
    probabilities are cut to 128 bits, and what was cut is added: p is then too large by 1e-30 at most.

    Args:
        strata: (A passed, A valid, B passed, B valid) of each task; one that either has no run of says nothing.

    Returns:
        None when no stratum has runs of both.
    """
    used = [stratum for stratum in strata if stratum[1] and stratum[3]]
    if not used:
        return None
    open_ones = [s for s in used if 0 < s[0] + s[2] < s[1] + s[3]]
    alike = Counter((a_n, b_n, a_passed + b_passed) for a_passed, a_n, b_passed, b_n in open_ones)
    return _two_sided(tuple(sorted(alike.items())), sum(a_passed for a_passed, *_ in open_ones))


@lru_cache(4096)
def _two_sided(alike: tuple[tuple[tuple[int, int, int], int], ...], observed: int) -> float:
    return two_sided(Counter(dict(alike)), observed, EXACT_BITS)


def sign_flip(differences: Sequence[Fraction]) -> float | None:
    """Two-sided exact p for "tasks like these favour neither": each task's difference may change its sign.

    The smallest p that T tasks can give is 2 / 2^T. Exact wherever the sums fit into `SUMS_BITS` or the tasks into two
    halves of `HALF_MAX`; else the differences are rounded to a grid in the direction that can only make p larger.

    Args:
        differences: of the pass rates, one a task.

    Returns:
        None without a task.
    """
    if not differences:
        return None
    scale = math.lcm(*(difference.denominator for difference in differences))
    whole = [int(difference * scale) for difference in differences if difference]
    observed, sizes = abs(sum(whole)), [abs(value) for value in whole]
    if not observed:
        return 1.0
    # A sum as far out as the one seen leaves at most half of the difference to it to the values that turn their sign.
    turned = _turned(tuple(sorted(sizes)), (sum(sizes) - observed) // 2)
    return min(1.0, float(Fraction(2 * turned, 2 ** len(sizes))))


@lru_cache(4096)
def _turned(sizes: tuple[int, ...], most: int) -> int:
    return subsets_up_to(sizes, most, SUMS_BITS, HALF_MAX)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment for several comparisons, in the order given (Holm 1979)."""
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = worst
    return adjusted
