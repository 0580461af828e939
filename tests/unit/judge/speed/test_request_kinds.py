"""Requests of two kinds: told where one was met, and not told of scatter."""

import numpy as np
import pytest
from bench.rate_coverage import SCATTER

from onbox.judge.speed.request_kinds import other_kind


@pytest.mark.parametrize("slow", [1, 2, 3])
def test_a_few_slow_requests_are_another_kind(slow: int) -> None:
    found = other_kind([0.04, 0.0401, 0.0399, 0.04, 0.0402, *[0.048] * slow])
    assert found is not None
    assert found.requests == slow
    assert found.slower == pytest.approx(0.2, abs=0.01)


def test_a_fast_one_is_too() -> None:
    found = other_kind([0.04, 0.0401, 0.0399, 0.04, 0.03])
    assert found is not None
    assert found.slower == pytest.approx(-0.25, abs=0.01)


@pytest.mark.parametrize("paces_s", [[], [0.04], [0.04, 0.05], [0.04, 0.04, 0.05], [0.04] * 8, [0.04] * 7 + [0.043]])
def test_few_requests_and_near_ones_are_one_kind(paces_s: list[float]) -> None:
    assert other_kind(paces_s) is None


def test_a_kind_that_was_met_often_is_scatter() -> None:
    assert other_kind([0.04 + 0.00001 * n for n in range(20)] + [0.05] * 10) is None


@pytest.mark.parametrize("name", [name for name in SCATTER if "one in ten" not in name])
@pytest.mark.parametrize("requests", [4, 8, 16])
def test_scatter_alone_is_reported_as_two_kinds_in_one_of_a_hundred(name: str, requests: int) -> None:
    random = np.random.default_rng(requests)
    result = sum(other_kind(SCATTER[name](random, requests).tolist()) is not None for _ in range(400))
    assert result <= 400 * 0.01 + 3.1 * (400 * 0.01 * 0.99) ** 0.5


@pytest.mark.parametrize("requests", [8, 16])
def test_of_eight_requests_and_more_every_slow_one_is_found(requests: int) -> None:
    random = np.random.default_rng(requests)
    drawn = [SCATTER["one in ten is 20 % slower"](random, requests) for _ in range(300)]
    met = [each for each in drawn if 0 < (each > 1.1).sum() <= requests // 2]
    assert sum(other_kind(each.tolist()) is not None for each in met) >= 0.98 * len(met)
