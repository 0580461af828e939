"""What a budget of time buys, from 0.5 to 600 tok/s."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onbox.app.speed import LEAST_REQUESTS, LEAST_TOKENS, REQUESTS, TOKENS
from onbox.evidence.records import SpeedPlan
from onbox.speed.time_plan import COLD_TOKENS_MAX, RequestPace, TimePlan, time_plan, words_of

PLAN = SpeedPlan(
    requests=REQUESTS, tokens=TOKENS, budget_s=90.0, least_requests=LEAST_REQUESTS, least_tokens=LEAST_TOKENS,
    warmup_requests_max=8,
)  # fmt: skip


def found(tok_s: float, before_s: float = 0.2, plan: SpeedPlan = PLAN) -> TimePlan:
    pace = RequestPace(tok_s, before_s)
    return time_plan(plan, pace, 2 * pace.request_s(COLD_TOKENS_MAX))


@pytest.mark.parametrize(
    ("tok_s", "requests", "tokens", "fits"),
    [(600, 10, 256, True), (100, 10, 256, True), (30, 10, 212, True), (6, 10, 38, True), (3, 6, 33, True),
     (1, 4, 32, False)],
)  # fmt: skip
def test_ninety_seconds(tok_s: float, requests: int, tokens: int, fits: bool) -> None:
    got = found(tok_s)
    assert (got.requests, got.tokens, got.fits) == (requests, tokens, fits)


def test_the_time_of_a_server_that_is_too_slow_is_reported() -> None:
    got = found(1)
    assert got.expected_s == pytest.approx(4 * (32 + 0.2))
    assert "the least that shows a rate, and more than the 90 s of its budget" in words_of(
        PLAN, got, RequestPace(1, 0.2)
    )


def test_what_the_user_fixed_stays() -> None:
    fixed = PLAN.model_copy(update={"tokens": 128, "least_tokens": 128, "requests": 6, "least_requests": 6})
    got = found(3, plan=fixed)
    assert (got.requests, got.tokens, got.fits) == (6, 128, False)


def test_a_long_prompt_takes_its_share() -> None:
    assert found(30, before_s=12.0).requests < found(30).requests


@given(
    tok_s=st.floats(0.05, 5000), before_s=st.floats(0, 60), budget_s=st.floats(1, 3600), spent_s=st.floats(0, 200),
    least_tokens=st.integers(8, 300), least_requests=st.integers(1, 12),
)  # fmt: skip
def test_bounds(
    tok_s: float, before_s: float, budget_s: float, spent_s: float, least_tokens: int, least_requests: int
) -> None:
    plan = PLAN.model_copy(
        update={"budget_s": budget_s, "least_tokens": least_tokens, "least_requests": least_requests}
    )
    pace = RequestPace(tok_s, before_s)
    got = time_plan(plan, pace, spent_s)
    assert min(least_tokens, TOKENS) <= got.tokens <= TOKENS
    assert min(least_requests, REQUESTS) <= got.requests <= REQUESTS
    assert 0 <= got.warm_ups <= plan.warmup_requests_max - 1
    whole_s = spent_s + (got.requests + got.warm_ups) * pace.request_s(got.tokens)
    assert not got.fits or whole_s <= budget_s * (1 + 1e-9) + 1e-6
