"""How many tokens, requests and warm-ups a measurement makes, from the time that it may take.

Settled by the pace of the first requests, before any that counts: never by the numbers that are measured.
"""

import math
from dataclasses import dataclass

from onbox.evidence.decode_rate import digest, pooled_tok_s
from onbox.evidence.records import Exchange, SpeedPlan

COLD_TOKENS_MAX = 32
"""Of the first request, and of the first warm-up, whose pace decides."""
WARM_UPS = 3
SPARE_MAX = 20
"""Warm-ups beyond the usual ones: a box that is not steady by then is measured as it is, and that is told."""
ENOUGH_REQUESTS = 6
"""Where there is time for fewer, it goes into requests before warm-ups: from here on Student's t is near its limit, and
whether warm-up was over is for the judge to see."""


@dataclass(frozen=True)
class RequestPace:
    """What one request showed.

    Args:
        tok_s: decoded tokens a second.
        before_s: seconds before the first of them.
    """

    tok_s: float
    before_s: float

    def request_s(self, tokens: int) -> float:
        """Seconds that a request of so many tokens takes."""
        return self.before_s + tokens / self.tok_s


def pace_of(exchange: Exchange) -> RequestPace | None:
    """What one request shows of the server's pace; None where it shows none."""
    sample = digest(exchange)
    tokens = sample.tokens or sample.reply.chunks
    if exchange.status != 200 or not exchange.ended_ns or tokens < 2:
        return None
    whole_s = exchange.ended_ns / 1e9
    decoded = sample.decoded
    # Where it came in one piece, all of its time is its tokens'.
    rate = pooled_tok_s([decoded or (tokens, whole_s)])
    return None if rate is None else RequestPace(rate, max(0.0, whole_s - decoded[1]) if decoded else 0.0)


@dataclass(frozen=True)
class TimePlan:
    """What fits.

    Args:
        tokens: of each request.
        requests: that count.
        warm_ups: that come after the one that showed the pace.
        spare: further requests that there is time for, where the pace is far from steady after these.
        expected_s: what all of them take.
        fits: False: even the least takes longer than the budget.
    """

    tokens: int
    requests: int
    warm_ups: int
    expected_s: float
    fits: bool
    spare: int = 0


def time_plan(plan: SpeedPlan, pace: RequestPace, spent_s: float) -> TimePlan:
    """The most that fits into the budget: requests before tokens, as each further request narrows the interval more.

    Args:
        plan: with a budget; its requests and tokens are the most that is wanted, its least what is needed.
        pace: of the first warm-up.
        spent_s: of the budget, on the cold request and the first warm-up.
    """
    assert plan.budget_s is not None
    left_s = plan.budget_s - spent_s
    most_warm_ups = max(0, min(WARM_UPS, plan.warmup_requests_max) - 1)
    tokens_least, requests_least = min(plan.least_tokens, plan.tokens), min(plan.least_requests, plan.requests)
    for warm_ups in range(most_warm_ups, -1, -1):
        requests = min(plan.requests, math.floor(left_s / pace.request_s(tokens_least)) - warm_ups)
        if requests < min(ENOUGH_REQUESTS, plan.requests) and warm_ups:
            continue
        if requests < requests_least:
            break
        each_s = left_s / (requests + warm_ups)
        tokens = max(tokens_least, min(plan.tokens, math.floor((each_s - pace.before_s) * pace.tok_s)))
        one_s = pace.request_s(tokens)
        # A fast server is warmed up until it is steady.
        spare = math.floor(left_s / one_s) - requests - warm_ups
        warm_ups_max = max(warm_ups, min(plan.warmup_requests_max - 1, warm_ups + spare))
        left_over = min(SPARE_MAX, max(0, spare + warm_ups - warm_ups_max))
        return TimePlan(tokens, requests, warm_ups_max, (requests + warm_ups) * one_s, fits=True, spare=left_over)
    return TimePlan(tokens_least, requests_least, 0, requests_least * pace.request_s(tokens_least), fits=False)


def words_of(plan: SpeedPlan, found: TimePlan, pace: RequestPace) -> str:
    """The choice in one sentence."""
    what = (
        f"{found.requests} requests of {found.tokens} tokens at {pace.tok_s:.1f} tok/s, about {found.expected_s:.0f} s"
    )
    if found.fits:
        return what
    return f"{what}: the least that shows a rate, and more than the {plan.budget_s:.0f} s of its budget"
