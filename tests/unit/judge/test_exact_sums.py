"""Sums in whole numbers: against scipy, against their exact twins, and within their bounds of time and memory."""

import random
import time
import tracemalloc
from collections import Counter
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onbox.judge.exact_sums import at_least, exact_sum, subsets_up_to, two_sided
from onbox.judge.statistics import sign_flip, stratified_permutation
from tests.oracles import STATS

STRATA = st.integers(1, 9).flatmap(
    lambda a: st.integers(1, 9).flatmap(lambda b: st.tuples(st.just(a), st.just(b), st.integers(0, a + b)))
)


@settings(max_examples=60)
@given(st.lists(STRATA, min_size=1, max_size=6), st.data())
def test_fixed_point_is_the_exact_sum(strata: list[tuple[int, int, int]], data: st.DataObject) -> None:
    alike = Counter(strata)
    least, ways = exact_sum(alike)
    observation = data.draw(st.integers(least, least + len(ways) - 1))
    exact, cut = two_sided(alike, observation, 10**9), two_sided(alike, observation, 0)
    assert exact <= cut * (1 + 1e-12)
    assert cut == pytest.approx(exact, rel=1e-12, abs=1e-30)


def test_pairs_are_mcnemars_test() -> None:
    assert stratified_permutation([(1, 1, 0, 1)] * 700 + [(0, 1, 1, 1)] * 600) == pytest.approx(
        STATS.binomtest(600, 1300).pvalue, rel=1e-9
    )


@settings(max_examples=40)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=9), st.integers(0, 200))
def test_subsets_by_brute_force_and_never_fewer_on_a_grid(values: list[int], most: int) -> None:
    truth = sum(
        sum(v for v, take in zip(values, takes, strict=True) if take) <= most
        for takes in product((0, 1), repeat=len(values))
    )
    assert subsets_up_to(values, most, 10**6, 0) == truth
    assert subsets_up_to(values, most, 0, 5) == truth
    assert subsets_up_to(values, most, 10 * len(values), 0) >= truth


def test_at_least_is_scipys_convolution() -> None:
    found = at_least([(0, [1, 1]), (0, [1, 1]), (1, [1, 2, 1])], 4)
    assert found == pytest.approx(5 / 16)


@pytest.mark.parametrize(("tasks", "runs"), [(27, 100), (100, 100)])
def test_large_trials_with_invalid_runs_stay_within_their_bounds(tasks: int, runs: int) -> None:
    """Two seconds and 300 MB is the bound; here is more than the room that a busy machine needs."""
    draw = random.Random(tasks)
    strata = []
    for _ in range(tasks):
        a_n, b_n, rate = runs - draw.randint(0, 3), runs - draw.randint(0, 3), draw.random()
        strata.append(
            (sum(draw.random() < rate for _ in range(a_n)), a_n, sum(draw.random() < rate for _ in range(b_n)), b_n)
        )
    tracemalloc.start()
    started = time.process_time()
    whole = stratified_permutation(strata)
    flipped = sign_flip([Fraction(c, d) - Fraction(a, b) for a, b, c, d in strata])
    seconds, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert whole is not None
    assert flipped is not None
    assert 0 < whole <= 1
    assert 0 < flipped <= 1
    assert seconds < 2
    assert peak < 100e6


def test_a_grid_is_near_the_exact_sign_flip() -> None:
    """Forty tasks whose denominators have no small common multiple: against a Monte Carlo of 200,000 draws."""
    draw = random.Random(5)
    differences = [
        Fraction(draw.randint(0, 97), 97) - Fraction(draw.randint(0, n), n) for n in (100, 99, 98, 89, 83) * 8
    ]
    found, observation = sign_flip(differences), abs(float(sum(differences, Fraction(0))))
    sizes = [float(each) for each in differences]
    hits = sum(
        abs(sum(each if draw.getrandbits(1) else -each for each in sizes)) >= observation - 1e-12 for _ in range(40000)
    )
    assert found == pytest.approx(hits / 40000, abs=0.01)
