"""What a decode rate is bound by: seconds a step against bytes a step, by depth and by requests at a time.

A step of one sequence takes t = fixed + bytes / bandwidth. More context adds bytes and nothing else, so the slope of t
over the bytes is the bandwidth that decoding gets, and what is left of t at no bytes is fixed: launches, sampling, the
way through the server. A further sequence reads the weights that are read already, so what it adds beyond its own cache
is its own work: where that is much of a step, the processor is the limit and not the memory.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from onbox.evidence.records import Ceiling
from onbox.judge.rates import Bound, BoundKind, BoundPoint
from onbox.judge.results import Measurement, Validity
from onbox.judge.rounding import rounded, rounded_pair
from onbox.judge.speed.uncertainty import COVERAGE_FACTOR
from onbox.schema.units import percent

Pair = tuple[float, float]
DEPTHS_MIN = 3
"""With fewer there is a line through any points, and nothing says whether they lie on one."""
HALF = 0.5
"""Of a step: what takes surely more is what the rate is bound by."""
ABOVE_ROOF = 1.15
"""Over the bandwidth that was measured: a slope that is steeper by so much is none of memory."""


@dataclass(frozen=True)
class Line:
    """t = intercept + slope * x by weighted least squares, with standard errors.

    Points that lie further from the line than their own errors allow widen the errors (Birge 1932).
    """

    slope: float
    slope_error: float
    intercept: float
    intercept_error: float

    @property
    def known(self) -> bool:
        """Whether the slope is surely above nothing."""
        return self.slope > COVERAGE_FACTOR * self.slope_error


def line_of(points: Sequence[BoundPoint], x_of: Sequence[float]) -> Line | None:
    """The line through step times, each weighing by its own uncertainty; None where x does not vary."""
    weights = [1 / max(point.error_s, 1e-9) ** 2 for point in points]
    total = math.fsum(weights)
    x, t = (math.fsum(w * v for w, v in zip(weights, values, strict=True)) / total
            for values in (x_of, [point.step_s for point in points]))  # fmt: skip
    spread = math.fsum(w * (each - x) ** 2 for w, each in zip(weights, x_of, strict=True))
    if len(points) < 2 or spread <= 0:
        return None
    moved = [(w, each - x, point.step_s - t) for w, each, point in zip(weights, x_of, points, strict=True)]
    slope = math.fsum(w * dx * dt for w, dx, dt in moved) / spread
    off = math.fsum(w * (dt - slope * dx) ** 2 for w, dx, dt in moved)
    wider = math.sqrt(max(1.0, off / (len(points) - 2))) if len(points) > 2 else 1.0
    return Line(
        slope=slope,
        slope_error=wider / math.sqrt(spread),
        intercept=t - slope * x,
        intercept_error=wider * math.sqrt(1 / total + x * x / spread),
    )


def bound_of(alone: Measurement, ceiling: Ceiling | None, depths: Sequence[Measurement]) -> Bound:
    """What bounds the rate of one request at a time, from its cells by depth and by number."""
    by_depth = [point for each in (alone, *depths) if (point := _point(each, ceiling)) is not None]
    by_number = [point for each in (alone, *alone.cells) if (point := _point(each, ceiling)) is not None]
    by_number = [*by_number[:1], *(point for point in by_number[1:] if point.sequences > 1)]
    missing = next(_missing(alone, ceiling, by_depth), "")
    if missing or ceiling is None:
        return Bound(kind=BoundKind.UNDECIDED, why=missing, points=tuple(by_depth))
    line = line_of(by_depth, [point.step_bytes or 0.0 for point in by_depth])
    if line is None or not line.known:
        why = "a step does not surely take longer with more context: deeper contexts, or more requests, would show"
        return Bound(kind=BoundKind.UNDECIDED, why=why, points=tuple(by_depth))
    return _weighed(line, _added(by_number), by_depth, by_number, ceiling)


def _missing(alone: Measurement, ceiling: Ceiling | None, points: Sequence[BoundPoint]) -> Iterator[str]:
    if alone.decode_tok_s is None:
        yield "there is no valid rate of one request at a time"
    if ceiling is None:
        yield "the bytes of a step are not known: name what is served with --weights"
    elif not ceiling.steps:
        yield "the bytes of a step by context were not recorded"
    if len({point.step_bytes for point in points}) < DEPTHS_MIN:
        yield f"fewer than {DEPTHS_MIN} depths gave a rate"


def _point(speed: Measurement, ceiling: Ceiling | None) -> BoundPoint | None:
    """One cell: seconds of a step, with their standard error, and the bytes that one sequence reads in it."""
    if speed.decode_tok_s is None or speed.uncertainty is None or speed.status is Validity.INVALID:
        return None
    contexts = [each.prompt_tokens + each.tokens / 2 for each in speed.each if each.prompt_tokens and each.tokens]
    if not contexts:
        return None
    context = math.fsum(contexts) / len(contexts)
    step_s = (speed.acceptance_length or 1.0) / speed.decode_tok_s
    step_bytes = None if ceiling is None else bytes_at(ceiling, context)
    return BoundPoint(
        sequences=int(speed.profile.get("concurrency") or 1),
        context_tokens=rounded(context),
        step_bytes=None if step_bytes is None else rounded(step_bytes),
        step_s=rounded(step_s),
        error_s=rounded(step_s * speed.uncertainty.relative / COVERAGE_FACTOR),
    )


def bytes_at(ceiling: Ceiling, context: float) -> float | None:
    """What a step of one sequence reads after so much context: between the contexts that were weighed, in a line."""
    known = sorted((each.context_tokens, each.step_bytes) for each in ceiling.steps)
    for (low, low_bytes), (high, high_bytes) in pairwise(known):
        if low <= context <= high:
            return low_bytes + (high_bytes - low_bytes) * (context - low) / (high - low)
    return None


def _added(by_number: Sequence[BoundPoint]) -> Line | None:
    """What each further sequence adds to a step; None where no number above one gave a rate."""
    return line_of(by_number, [float(point.sequences) for point in by_number]) if len(by_number) > 1 else None


def _weighed(
    line: Line, added: Line | None, by_depth: Sequence[BoundPoint], by_number: Sequence[BoundPoint], ceiling: Ceiling
) -> Bound:
    first = by_depth[0]
    assert first.step_bytes is not None
    half = COVERAGE_FACTOR * line.slope_error
    rate, rates = 1e-9 / line.slope, (1e-9 / (line.slope + half), 1e-9 / (line.slope - half))
    most_bytes = first.step_bytes + _wider_bytes(ceiling)
    share = most_bytes * line.slope / first.step_s
    shares = (
        first.step_bytes * (line.slope - half) / first.step_s,
        most_bytes * (line.slope + half) / first.step_s,
    )
    least_fixed = line.intercept - _wider_bytes(ceiling) * line.slope
    fixed_half = COVERAGE_FACTOR * line.intercept_error
    own, owns = _own_work(line, added, first, ceiling)
    if shares[0] > 1:
        return _work_on_context(shares[0], own, owns, (*by_depth, *by_number[1:]))
    found = Bound(
        kind=BoundKind.UNDECIDED,
        effective_gb_s=rounded(rate),
        effective_gb_s_interval=rounded_pair(rates),
        fixed_ms=rounded(1e3 * least_fixed),
        fixed_ms_interval=rounded_pair((1e3 * (least_fixed - fixed_half), 1e3 * (line.intercept + fixed_half))),
        bytes_share=rounded(share),
        bytes_share_interval=rounded_pair(shares),
        sequence_share=None if own is None else rounded(own),
        sequence_share_interval=rounded_pair(owns),
        points=(*by_depth, *by_number[1:]),
        why="",
    )
    kind, why = _kind(shares, owns, rates, ceiling)
    return found.model_copy(update={"kind": kind, "why": why})


def _work_on_context(times: float, own: float | None, owns: Pair | None, points: tuple[BoundPoint, ...]) -> Bound:
    """Context that costs more than reading it: its slope is no bandwidth, and what a further sequence adds is left."""
    why = (
        f"at the pace of its context a step would take {times:.2g} times as long as it does or more: context costs work"
        " here and not only reading, so that its slope tells nothing of memory"
    )
    computes = owns is not None and owns[0] >= HALF
    if owns is not None:
        why = f"a further sequence adds {_between(owns)} of a step beside what it reads; {why}"
    return Bound(
        kind=BoundKind.COMPUTE if computes else BoundKind.UNDECIDED,
        sequence_share=None if own is None else rounded(own),
        sequence_share_interval=rounded_pair(owns),
        points=points,
        why=why,
    )


def _wider_bytes(ceiling: Ceiling) -> float:
    """What a step reads more where the engine holds the weights as the files do, not at the least that is plausible.

    It is the same at all depths, so the slope does not know it, and what is left of a step does.
    """
    return max(0.0, (ceiling.stored_step_bytes or 0.0) - ceiling.step_bytes)


def _own_work(line: Line, added: Line | None, first: BoundPoint, ceiling: Ceiling) -> tuple[float | None, Pair | None]:
    """(share of a step that a further sequence adds by its own work, its interval): what it adds less what it reads.

    Of experts nobody knows how many more are read, so the lower end takes as many as there could be.
    """
    if added is None or first.step_bytes is None:
        return None, None
    cache_bytes = max(0.0, first.step_bytes - ceiling.steps[0].step_bytes)
    most_bytes = cache_bytes + max(0.0, *ceiling.sequence_bytes_max, 0.0)
    half = COVERAGE_FACTOR * added.slope_error
    own = added.slope - cache_bytes * line.slope
    least = added.slope - half - most_bytes * line.slope
    return own / first.step_s, (least / first.step_s, (own + half) / first.step_s)


def _kind(share: Pair, own: Pair | None, gb_s: Pair, ceiling: Ceiling) -> tuple[BoundKind, str]:
    """The word, and why it is that one."""
    reads = f"reading takes {_between(share)} of a step"
    if _wider_bytes(ceiling):
        reads += f", as the weights are held as stored or with {ceiling.resident}"
    if own is not None and own[0] >= HALF:
        why = f"a further sequence adds {_between(own)} of a step beside what it reads"
        return BoundKind.COMPUTE, why
    if ceiling.measured_gb_s and gb_s[0] > ABOVE_ROOF * ceiling.measured_gb_s:
        why = f"the slope is that of {gb_s[0]:.3g} GB/s or more, above what memory was measured to read"
        return BoundKind.UNDECIDED, why
    if share[1] < HALF:
        return BoundKind.LAUNCH, f"{reads}, and what is left depends on no bytes"
    if share[0] < HALF:
        return BoundKind.UNDECIDED, reads
    if own is None:
        why = f"{reads}, by memory or by work on it: only more requests at a time would tell, and none gave a rate"
        return BoundKind.UNDECIDED, why
    why = f"{reads}, a further sequence adds {_between(own)}"
    return BoundKind.UNDECIDED if own[1] >= HALF else BoundKind.BANDWIDTH, why


def _between(share: Pair) -> str:
    low, high = (percent(min(1.0, max(0.0, each))) for each in share)
    return f"{low.removesuffix(' %')} to {high}" if low != high else low
