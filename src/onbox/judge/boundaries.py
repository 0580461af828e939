"""How several looks at one trial share the chance of an error: group sequential boundaries, and an e-process.

The looks are at a Brownian motion, as test statistics of growing samples are to a close approximation; the levels are
computed by numerical integration over the grid of what has not yet been decided (Armitage, McPherson and Rowe 1969).
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

NORMAL = NormalDist()
GRID = 121
"""Points of Simpson's rule between the bounds of a look; the levels are then good to five digits."""


def obrien_fleming(share: float, alpha: float) -> float:
    """Spent up to a share of the information, two-sided: 2 - 2 Phi(z / sqrt(share)) (Lan and DeMets 1983)."""
    if share <= 0:
        return 0.0
    return 2 - 2 * NORMAL.cdf(NORMAL.inv_cdf(1 - alpha / 2) / math.sqrt(min(1.0, share)))


def levels(information: Sequence[float], spent: Sequence[float]) -> list[float]:
    """The two-sided level at each look, so that the looks together err as often as was spent.

    Args:
        information: at each look, ascending, in any unit: runs, for instance.
        spent: the chance of an error at each look that no earlier look made.
    """
    return list(_levels(tuple(information), tuple(spent)))


@lru_cache(256)
def _levels(information: tuple[float, ...], spent: tuple[float, ...]) -> tuple[float, ...]:
    """Advice asks for the same levels again and again."""
    found: list[float] = []
    before = 0.0
    points: list[float] = [0.0]
    weights: list[float] = [1.0]
    for now, share in zip(information, spent, strict=True):
        step = math.sqrt(now - before)
        low, high = 0.0, 9 * math.sqrt(now)
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if _beyond(points, weights, middle, step) > share else (low, middle)
        bound = (low + high) / 2
        found.append(2 - 2 * NORMAL.cdf(bound / math.sqrt(now)))
        points, weights = _inside(points, weights, bound, step)
        before = now
    return tuple(found)


def _beyond(points: Sequence[float], weights: Sequence[float], bound: float, step: float) -> float:
    """The chance that the next look is the first beyond the bound."""
    return math.fsum(
        weight * (NORMAL.cdf((-bound - at) / step) + NORMAL.cdf((at - bound) / step))
        for at, weight in zip(points, weights, strict=True)
    )


def _inside(
    points: Sequence[float], weights: Sequence[float], bound: float, step: float
) -> tuple[list[float], list[float]]:
    """What is undecided after a look, as points with weights of Simpson's rule."""
    width = 2 * bound / (GRID - 1)
    grid = [-bound + width * index for index in range(GRID)]
    simpson = [width / 3 * (1 if index in (0, GRID - 1) else 4 if index % 2 else 2) for index in range(GRID)]
    scale = 1 / (step * math.sqrt(2 * math.pi))
    density = [
        scale * math.fsum(w * math.exp(-(((x - at) / step) ** 2) / 2) for at, w in zip(points, weights, strict=True))
        for x in grid
    ]
    return grid, [each * share for each, share in zip(density, simpson, strict=True)]


def e_process(pairs: Sequence[tuple[str, bool, bool]]) -> float:
    """The largest evidence so far against "both pass alike", by pairs in the order in which they were made.

    Each pair multiplies it by q_a(a) q_b(b) / (q(a) q(b)), where q_a and q_b are what earlier pairs of the same task
    suggest and q is their mean: on average at most 1 if both pass alike, however hard the pair was (Turner, Ly and
    Grunwald 2024). So the chance that it ever reaches 1 / alpha is at most alpha, however often one looks (Ville 1939).

    Args:
        pairs: (task, a passed, b passed) of runs with the same seed.
    """
    counts: dict[str, list[float]] = {}
    all_a, all_b, made = 0.0, 0.0, 0
    now = most = 0.0
    for task, a, b in pairs:
        own = counts.setdefault(task, [0.0, 0.0, 0.0])
        # Drawn to what other tasks show, as if one pair had ended so; and that off 0 and 1.
        prior_a, prior_b = (all_a + 0.5) / (made + 1), (all_b + 0.5) / (made + 1)
        q_a, q_b = (own[0] + prior_a) / (own[2] + 1), (own[1] + prior_b) / (own[2] + 1)
        q = (q_a + q_b) / 2
        now += math.log(q_a if a else 1 - q_a) + math.log(q_b if b else 1 - q_b)
        now -= math.log(q if a else 1 - q) + math.log(q if b else 1 - q)
        most = max(most, now)
        own[0], own[1], own[2] = own[0] + a, own[1] + b, own[2] + 1
        all_a, all_b, made = all_a + a, all_b + b, made + 1
    return math.exp(min(most, 700.0))
