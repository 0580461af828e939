"""The statistics against published numbers, against scipy and statsmodels, and against their own definitions."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onbox.judge.intervals import (
    clopper_pearson,
    ratio_half_width,
    t_quantile,
    wilson,
)
from onbox.judge.statistics import holm, sign_flip, stratified_permutation
from tests.oracles import CONTINGENCY, MULTITEST, PROPORTION, STATS

GPT_OSS = [(2, 3), (0, 3), (2, 3), (0, 3), (3, 3), (3, 3)]
QWEN = [(9, 9), (9, 9), (9, 9), (9, 9), (10, 10), (10, 10)]
PAIRS = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def rounded(interval: tuple[float, float] | None) -> tuple[float, float]:
    assert interval is not None
    return round(interval[0], 3), round(interval[1], 3)


class TestPublished:
    """The seed benchmark: gpt-oss-120b 10 of 18, Qwen 56 of 56 on six tasks."""

    def test_pooled_intervals(self) -> None:
        assert rounded(wilson(10, 18)) == (0.337, 0.754)
        assert rounded(clopper_pearson(10, 18)) == (0.308, 0.785)

    def test_all_passed_is_not_one_hundred_percent(self) -> None:
        assert rounded(wilson(56, 56)) == (0.936, 1.0)
        assert rounded(clopper_pearson(56, 56))[0] == pytest.approx(0.025 ** (1 / 56), abs=5e-4)

    def test_better_on_these_tasks(self) -> None:
        p = stratified_permutation([(*a, *b) for a, b in zip(GPT_OSS, QWEN, strict=True)])
        assert p == pytest.approx(1.3e-6, rel=0.05)
        thrice = stratified_permutation([(*a, 3, 3) for a in GPT_OSS])
        assert thrice == pytest.approx(0.00125, rel=0.01)

    def test_not_shown_for_tasks_like_these(self) -> None:
        differences = [Fraction(b[0], b[1]) - Fraction(a[0], a[1]) for a, b in zip(GPT_OSS, QWEN, strict=True)]
        assert sign_flip(differences) == 0.125

    def test_six_tasks_cannot_say_more_than_two_in_sixty_four(self) -> None:
        assert sign_flip([Fraction(1)] * 6) == 2 / 64

    def test_only_the_rows_of_zero_are_significant_alone(self) -> None:
        assert stratified_permutation([(0, 3, 9, 9)]) == pytest.approx(0.0045, abs=5e-5)
        assert (stratified_permutation([(2, 3, 9, 9)]) or 0) > 0.05

    @pytest.mark.parametrize(("valid", "p"), [(16, 5.1e-5), (14, 0.0011), (12, 0.029), (10, 1.0)])
    def test_dropped_calls_decide(self, valid: int, p: float) -> None:
        """If 2, 4, 6 or all 8 of the failures were calls that the server dropped, they leave the denominator."""
        assert stratified_permutation([(10, valid, 56, 56)]) == pytest.approx(p, rel=0.02)


class TestOracles:
    @given(PAIRS)
    def test_wilson_and_clopper_pearson(self, pair: tuple[int, int]) -> None:
        assert wilson(*pair) == pytest.approx(PROPORTION.proportion_confint(*pair, method="wilson"), abs=1e-9)
        assert clopper_pearson(*pair) == pytest.approx(PROPORTION.proportion_confint(*pair, method="beta"), abs=1e-9)

    @pytest.mark.parametrize("degrees", [1, 2, 5, 11, 40, 300])
    def test_t(self, degrees: int) -> None:
        assert t_quantile(0.95, degrees) == pytest.approx(STATS.t.ppf(0.975, degrees), rel=1e-9)

    @given(PAIRS, PAIRS)
    def test_one_stratum_is_fishers_test(self, a: tuple[int, int], b: tuple[int, int]) -> None:
        table = [[a[0], a[1] - a[0]], [b[0], b[1] - b[0]]]
        assert stratified_permutation([(*a, *b)]) == pytest.approx(STATS.fisher_exact(table).pvalue, abs=1e-9)

    @settings(max_examples=15)
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
    def test_holm(self, p_values: list[float]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            # Each call of theirs collects garbage, which takes a second where a whole suite is in memory.
            patch.setattr("gc.collect", lambda: 0)
            expected = list(MULTITEST.multipletests(p_values, method="holm")[1])
        assert holm(p_values) == pytest.approx(expected)

    def test_stratified_is_near_its_large_sample_twin(self) -> None:
        strata = [(30, 50, 40, 50), (20, 50, 31, 50), (44, 50, 47, 50)]
        tables = [[[a, n - a], [b, m - b]] for a, n, b, m in strata]
        expected = CONTINGENCY.StratifiedTable([np.array(t) for t in tables]).test_null_odds(correction=True).pvalue
        assert stratified_permutation(strata) == pytest.approx(expected, rel=0.15)


class TestDefinitions:
    @settings(max_examples=40)
    @given(st.lists(st.tuples(*[st.integers(0, 1)] * 4), min_size=1, max_size=3))
    def test_permutation_by_brute_force(self, rows: list[tuple[int, int, int, int]]) -> None:
        """Two runs each: every relabelling of every task is counted by hand."""
        strata = [(r[0] + r[1], 2, r[2] + r[3], 2) for r in rows]
        choices = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
        sums = [
            sum(row[i] + row[j] for row, (i, j) in zip(rows, picks, strict=True))
            for picks in product(choices, repeat=len(rows))
        ]
        observation = sums.count(sum(s[0] for s in strata))
        expected = sum(1 for total in sums if sums.count(total) <= observation) / len(sums)
        assert stratified_permutation(strata) == pytest.approx(expected)

    @given(st.lists(st.fractions(-1, 1, max_denominator=6), min_size=1, max_size=8))
    def test_sign_flip_by_brute_force(self, differences: list[Fraction]) -> None:
        observation = abs(sum(differences, Fraction(0)))
        signs = list(product((1, -1), repeat=len(differences)))
        hits = sum(
            abs(sum((s * d for s, d in zip(sign, differences, strict=True)), Fraction(0))) >= observation
            for sign in signs
        )
        assert sign_flip(differences) == hits / len(signs)

    @given(st.lists(st.tuples(PAIRS, PAIRS), min_size=1, max_size=5))
    def test_exchanging_the_two_changes_nothing(self, rows: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
        forth = stratified_permutation([(*a, *b) for a, b in rows])
        back = stratified_permutation([(*b, *a) for a, b in rows])
        assert forth == back
        assert forth is not None
        assert 0 < forth <= 1

    def test_nothing_from_nothing(self) -> None:
        assert wilson(0, 0) is None
        assert clopper_pearson(0, 0) is None
        assert stratified_permutation([(0, 0, 1, 1)]) is None
        assert sign_flip([]) is None
        assert ratio_half_width([(10, 1)]) is None


class TestRatioHalfWidth:
    def test_of_equal_requests_it_is_students_t(self) -> None:
        """Of requests of one length in time, the ratio is a mean, and its interval scipy's."""
        amounts = [25.0, 26.0, 24.0, 25.5]
        low, high = STATS.t.interval(0.95, 3, loc=np.mean(amounts), scale=STATS.sem(amounts))
        half = ratio_half_width([(amount, 1.0) for amount in amounts])
        assert half == pytest.approx((high - low) / 2 / np.mean(amounts), rel=1e-9)

    @pytest.mark.parametrize("requests", [3, 4, 8, 16])
    def test_covers(self, requests: int) -> None:
        """Requests of 96 tokens whose seconds scatter by 3 percent: 2000 measurements hold the truth in 95 of 100."""
        random = np.random.default_rng(requests)
        held = 0
        for _ in range(2000):
            pairs = [(96.0, 4.0 * (1 + 0.03 * each)) for each in random.standard_normal(requests)]
            half = ratio_half_width(pairs)
            assert half is not None
            held += abs(96 * requests / sum(s for _, s in pairs) / 24.0 - 1) <= half
        assert held / 2000 >= 0.935

    def test_covers_where_the_first_round_settled_how_many_follow(self) -> None:
        """Stein's procedure: four requests, then as many as 2 percent need; the scatter of all would be too narrow."""
        random = np.random.default_rng(7)
        held = {"first": 0, "all": 0}
        for _ in range(600):
            scatter = random.standard_normal(400)
            pairs = [(96.0, 4.0 * (1 + 0.03 * each)) for each in scatter]
            half = ratio_half_width(pairs[:4])
            assert half is not None
            made = pairs[: min(400, max(4, math.ceil(4 * (half / 0.02) ** 2)))]
            off = abs(96 * len(made) / sum(s for _, s in made) / 24.0 - 1)
            held["first"] += off <= (ratio_half_width(made, first=4) or 0)
            held["all"] += off <= (ratio_half_width(made) or 0)
        assert held["first"] / 600 >= 0.93
        assert held["all"] < held["first"]
