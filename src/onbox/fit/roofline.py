"""Plain arithmetic of the decode ceiling: numbers in, numbers out, nothing read from anywhere.

Decoding one token reads every active weight once, and what the sequence has kept; so bytes per step over bandwidth
bounds the rate from above. Written cache, activations, scheduling and sampling only ever take more time.
GB are 10^9 bytes throughout.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from onbox.schema.units import size

AT_CEILING_SHARE = 0.85
"""Of measured read bandwidth: from here on the words "at the ceiling" are allowed."""
NOT_BOUND_SHARE = 0.35
"""Of measured read bandwidth: below it something other than memory bandwidth sets the pace."""
ABOVE_MEASURED_SHARE = 1.15
"""Where no maker states a bandwidth: more than this share of the measured one is taken as impossible."""
CLOCK_NOTE = "That a rate does not move with the clock proves only that it is not clock-bound."


@dataclass(frozen=True)
class Plausibility:
    """What a claimed rate implies. Shares are of 1; None where that bandwidth is not known."""

    rate_tok_s: float
    implied_gb_s: float | None
    """Bandwidth that the claim needs; None where the bytes of a step are not known."""
    share_of_ceiling: float | None
    """Of the ceiling at measured bandwidth; at nominal where none was measured."""
    share_of_nominal: float | None
    share_of_measured: float | None
    verdict: str
    """`impossible`, `at_ceiling`, `below_ceiling`, `not_bandwidth_bound` or `unknown`."""
    text: str


@dataclass(frozen=True)
class Slope:
    """Effective bandwidth from a sweep over context: time per token against bytes of KV cache read."""

    gb_s: float
    gb_s_standard_error: float
    intercept_s: float
    """Time per token at no context: weights, launches, all that does not grow."""
    intercept_s_standard_error: float
    points: int


def experts_touched(experts: int, top_k: int, tokens: float) -> float:
    """Routed experts of one layer that `tokens` independently routed tokens read: N(1 - (1 - k/N)^B).

    An upper bound: the tokens of real text agree more often than independent ones.
    """
    return float(experts * (1.0 - (1.0 - top_k / experts) ** tokens))


def ceiling_tok_s(bandwidth_gb_s: float, step_bytes: float, *, batch: int = 1, acceptance: float = 1.0) -> float:
    """The highest rate over all sequences together.

    Args:
        bandwidth_gb_s: nominal or measured read bandwidth.
        step_bytes: read in one forward pass of the whole batch.
        batch: sequences in the pass.
        acceptance: mean number of tokens that one pass yields for a sequence; 1 without speculation.
    """
    return bandwidth_gb_s * 1e9 / step_bytes * batch * acceptance


def plausibility(
    rate_tok_s: float,
    step_bytes: float,
    *,
    nominal_gb_s: float | None,
    measured_gb_s: float | None,
    batch: int = 1,
    acceptance: float = 1.0,
    exact: bool = False,
) -> Plausibility:
    """Judge a claimed rate both ways: more than memory can give, or far less than it could.

    Args:
        rate_tok_s: over all sequences together.
        nominal_gb_s: as the maker states; None when nobody does.
        measured_gb_s: as a read kernel measured on the same box; None when not measured.
        exact: `measured_gb_s` is what memory can do, by the word of whoever owns it: no margin above it.

    Raises:
        ValueError: neither bandwidth is known, or a number is not positive.
    """
    known = measured_gb_s if measured_gb_s is not None else nominal_gb_s
    if known is None or min(known, rate_tok_s, step_bytes, batch, acceptance) <= 0:
        raise ValueError("a rate is judged against a known bandwidth, and all numbers must be positive")
    implied = rate_tok_s / batch / acceptance * step_bytes / 1e9
    of_nominal = implied / nominal_gb_s if nominal_gb_s else None
    of_measured = implied / measured_gb_s if measured_gb_s else None
    share = implied / known
    limit = nominal_gb_s if nominal_gb_s is not None else known * (1.0 if exact else ABOVE_MEASURED_SHARE)
    bytes_text = f"{size(step_bytes)} a step, so {rate_tok_s:g} tok/s reads {implied:.1f} GB/s"
    shares = _shares(of_nominal, of_measured, "the bandwidth given" if exact else "measured")
    if implied > limit:
        verdict = "impossible"
        text = f"{bytes_text}: {shares}. The token count, the clock or the assumed precision is wrong."
    elif share >= AT_CEILING_SHARE:
        verdict = "at_ceiling"
        doubt = " More than was measured: measure the bandwidth again on a quiet box." if share > 1 else ""
        text = f"{bytes_text}: {shares}. Memory bandwidth sets the pace.{doubt}"
    elif share < NOT_BOUND_SHARE:
        verdict = "not_bandwidth_bound"
        text = f"{bytes_text}: {shares}. Look at launch gaps, the backend and a CPU path. {CLOCK_NOTE}"
    else:
        verdict = "below_ceiling"
        ceiling = ceiling_tok_s(known, step_bytes, batch=batch, acceptance=acceptance)
        text = f"{bytes_text}: {shares}. Not at the wall: {ceiling - rate_tok_s:.1f} tok/s of headroom. {CLOCK_NOTE}"
    return Plausibility(rate_tok_s, implied, share, of_nominal, of_measured, verdict, text)


def context_slope(points: Sequence[tuple[float, float]]) -> Slope:
    """Fit seconds per token over bytes of KV cache read, by least squares.

    The slope is the time that one more byte takes, so its inverse is the bandwidth that decoding really gets; the
    standard error of the inverse follows by the delta method. An intercept well above weight bytes over bandwidth is
    launch latency, dequantisation or another overhead.

    Args:
        points: (bytes of cache read per token, seconds per token), at least three with different bytes.

    Raises:
        ValueError: too few points, or time does not grow with context.
    """
    count = len(points)
    if count < 3 or len({x for x, _ in points}) < 2:
        raise ValueError("a slope needs at least three points, at two or more contexts")
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    if slope <= 0:
        raise ValueError("time per token does not grow with context: no bandwidth can be told from this sweep")
    intercept = mean_y - slope * mean_x
    residual = sum((y - intercept - slope * x) ** 2 for x, y in points) / (count - 2)
    slope_error = sqrt(residual / spread)
    return Slope(
        gb_s=1e-9 / slope,
        gb_s_standard_error=1e-9 * slope_error / slope**2,
        intercept_s=intercept,
        intercept_s_standard_error=sqrt(residual * (1 / count + mean_x**2 / spread)),
        points=count,
    )


def unknown_plausibility(rate_tok_s: float, unknown: Sequence[str], bound: str) -> Plausibility:
    """No verdict on a rate: something that a step reads is not known.

    Args:
        unknown: what is missing.
        bound: what can be said all the same.
    """
    missing = "; ".join(unknown)
    return Plausibility(rate_tok_s, None, None, None, None, "unknown", f"{bound} Not known: {missing}.")


def _shares(of_nominal: float | None, of_measured: float | None, name: str) -> str:
    shares = []
    if of_nominal is not None:
        shares.append(f"{of_nominal:.0%} of nominal")
    if of_measured is not None:
        shares.append(f"{of_measured:.0%} of {name}")
    return " and ".join(shares)
