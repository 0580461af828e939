import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onbox.fit import ceiling_tok_s, context_slope, experts_touched, plausibility


def test_one_token_touches_top_k_and_many_touch_all() -> None:
    assert experts_touched(128, 4, 1) == pytest.approx(4)
    assert [round(experts_touched(128, 4, batch), 1) for batch in (2, 4, 8, 16)] == [7.9, 15.3, 28.7, 51.0]
    assert experts_touched(128, 4, 10_000) == pytest.approx(128)
    assert experts_touched(8, 8, 1) == 8


@pytest.mark.parametrize(
    ("rate", "verdict"),
    [(110.0, "impossible"), (99.5, "impossible"), (90.0, "at_ceiling"), (75.0, "at_ceiling"), (59.5, "below_ceiling"),
     (30.0, "below_ceiling"), (29.0, "not_bandwidth_bound")],
)  # fmt: skip
def test_verdicts_on_a_spark_with_2748_gb_a_token(rate: float, verdict: str) -> None:
    result = plausibility(rate, 2.748e9, nominal_gb_s=273, measured_gb_s=233)
    assert result.verdict == verdict
    assert result.implied_gb_s == pytest.approx(rate * 2.748)
    assert result.share_of_ceiling == result.share_of_measured == pytest.approx(rate * 2.748 / 233)


def test_the_text_of_a_rate_below_says_what_a_fixed_clock_proves() -> None:
    text = plausibility(59.5, 2.748e9, nominal_gb_s=273, measured_gb_s=233).text
    assert "163.5 GB/s: 60% of nominal and 70% of measured" in text
    assert "25.3 tok/s of headroom" in text
    assert "not clock-bound" in text


def test_without_a_nominal_value_impossible_starts_above_what_was_measured() -> None:
    assert plausibility(1.14, 1e9, nominal_gb_s=None, measured_gb_s=1.0).verdict == "at_ceiling"
    assert plausibility(1.16, 1e9, nominal_gb_s=None, measured_gb_s=1.0).verdict == "impossible"


def test_without_a_measurement_shares_are_of_nominal() -> None:
    result = plausibility(0.9, 1e9, nominal_gb_s=1.0, measured_gb_s=None)
    assert (result.verdict, result.share_of_measured) == ("at_ceiling", None)


def test_speculation_and_batch_divide_the_bytes() -> None:
    result = plausibility(60.0, 1e9, nominal_gb_s=100, measured_gb_s=None, batch=2, acceptance=3.0)
    assert result.implied_gb_s == pytest.approx(10.0)
    assert ceiling_tok_s(100, 1e9, batch=2, acceptance=3.0) == pytest.approx(600.0)


@pytest.mark.parametrize("bad", [{"rate": 0.0}, {"rate": -1.0}, {"measured": None, "nominal": None}, {"nominal": 0.0}])
def test_numbers_that_cannot_be_judged_are_errors(bad: dict[str, float | None]) -> None:
    numbers = {"rate": 1.0, "nominal": 1.0, "measured": None, **bad}
    assert numbers["rate"] is not None
    with pytest.raises(ValueError, match="judged"):
        plausibility(numbers["rate"], 1e9, nominal_gb_s=numbers["nominal"], measured_gb_s=numbers["measured"])


@given(st.floats(1.0, 1e4), st.floats(1e6, 1e12), st.floats(1.0, 1e4))
def test_the_ceiling_itself_is_never_impossible_and_the_verdict_is_monotone(
    bandwidth: float, step: float, rate: float
) -> None:
    order = ["not_bandwidth_bound", "below_ceiling", "at_ceiling", "impossible"]
    ceiling = ceiling_tok_s(bandwidth, step)
    at = plausibility(ceiling * (1 - 1e-9), step, nominal_gb_s=bandwidth, measured_gb_s=bandwidth)
    assert at.verdict == "at_ceiling"
    one, more = (plausibility(each, step, nominal_gb_s=bandwidth, measured_gb_s=bandwidth) for each in (rate, rate * 2))
    assert order.index(one.verdict) <= order.index(more.verdict)


# ------------------------------------------------------------ sweep over context


@given(st.floats(10.0, 5000.0), st.floats(1e-4, 0.1))
def test_an_exact_line_gives_its_bandwidth_back(gb_s: float, intercept: float) -> None:
    result = context_slope([(x * 1e9, intercept + x / gb_s) for x in (0.1, 0.5, 1.0, 3.6)])
    assert result.gb_s == pytest.approx(gb_s, rel=1e-6)
    assert result.intercept_s == pytest.approx(intercept, rel=1e-6, abs=1e-12)
    assert result.gb_s_standard_error < gb_s * 1e-6


def test_the_standard_error_is_that_of_a_textbook_fit() -> None:
    # y = 1 + x with residuals -0.1, 0.2, -0.1 about the least-squares line through these points
    points = [(0.0, 0.9), (1.0, 2.2), (2.0, 2.9)]
    result = context_slope(points)
    residual = math.sqrt((0.1**2 + 0.2**2 + 0.1**2) / 1)
    assert result.gb_s == pytest.approx(1e-9)
    assert result.intercept_s == pytest.approx(1.0)
    assert result.gb_s_standard_error == pytest.approx(1e-9 * residual / math.sqrt(2))
    assert result.intercept_s_standard_error == pytest.approx(residual * math.sqrt(1 / 3 + 1 / 2))


@pytest.mark.parametrize(
    "points",
    [[], [(0, 1), (1, 2)], [(1, 1), (1, 2), (1, 3)], [(0, 3), (1, 2), (2, 1)]],
    ids=["none", "two", "one x", "falls"],
)
def test_a_sweep_that_shows_nothing_is_an_error(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match=r"slope|grow"):
        context_slope(points)
