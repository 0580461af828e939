"""Bounds of a mean: Clopper and Pearson's where draws are 0 or 1, the quantile that they are defined by elsewhere."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onbox.judge.intervals import clopper_pearson
from onbox.judge.mean_bounds import mean_above, mean_interval


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_of_noughts_and_ones_it_is_clopper_pearson(counts: tuple[int, int]) -> None:
    passed, n = counts
    assert mean_interval([1.0] * passed + [0.0] * (n - passed), 0, 1) == pytest.approx(
        clopper_pearson(passed, n), abs=1e-7
    )


@pytest.mark.parametrize("values", [[0.5] * 6, [0.2, 0.4, 0.9], [0.0, 0.0, 1 / 3, 1.0], [0.1 * n for n in range(11)]])
def test_it_is_a_quantile_of_weighted_means(values: list[float]) -> None:
    weights = np.random.default_rng(1).dirichlet(np.ones(len(values) + 1), 400_000)
    sample: Any = np.array(values)
    low, high = np.quantile(weights[:, 1:] @ sample, 0.025), 1 - np.quantile(weights[:, 1:] @ (1 - sample), 0.025)
    assert mean_interval(values, 0, 1) == pytest.approx((low, high), abs=2e-3)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30))
def test_it_holds_the_mean_and_mirrors(values: list[float]) -> None:
    low, high = mean_interval(values, -1, 1)
    assert -1 <= low <= sum(values) / len(values) + 1e-6
    assert sum(values) / len(values) - 1e-6 <= high <= 1
    mirrored = mean_interval([-value for value in values], -1, 1)
    assert (-mirrored[1], -mirrored[0]) == pytest.approx((low, high), abs=1e-6)


@given(
    st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]), min_size=1, max_size=30),
    st.floats(-1.1, 1.1),
    st.sampled_from([0.8, 0.9, 0.95, 0.999]),
)
def test_above_a_bound_is_where_the_lower_end_is(values: list[float], bound: float, confidence: float) -> None:
    low, _ = mean_interval(values, -1, 1, confidence)
    if abs(low - bound) > 1e-6:
        assert mean_above(values, -1, 1, bound, confidence) == (low > bound)


def test_what_agrees_still_leaves_room_for_what_was_not_drawn() -> None:
    assert mean_interval([1.0] * 27, 0, 1)[0] == pytest.approx(0.025 ** (1 / 27))
    assert mean_interval([0.5] * 12, 0, 1)[0] == pytest.approx(0.5 * 0.025 ** (1 / 12))
    with pytest.raises(ValueError, match="no value"):
        mean_interval([], 0, 1)
