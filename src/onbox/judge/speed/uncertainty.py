"""How well a decode rate is known: a budget of relative uncertainties, combined as the GUM says.

JCGM 100:2008 (the GUM), 4.3 and 5.1: each source contributes a standard uncertainty, evaluated from repetitions (type
A) or from a bound (type B: a rectangular distribution of half-width a has the standard uncertainty a / sqrt(3)); they
add in squares; the result is stated at about 95 percent. What has no bound (other load on the box, witnesses that
differ) is no line of the budget: it is a check.
"""

import math
from collections.abc import Sequence

from onbox.evidence.decode_rate import pooled_tok_s
from onbox.judge import thresholds as limit
from onbox.judge.intervals import ratio_half_width
from onbox.judge.results import Uncertainty, UncertaintySource
from onbox.judge.rounding import rounded
from onbox.judge.speed.box_checks import wake_up_p99_s
from onbox.judge.speed.check_context import CheckContext
from onbox.judge.speed.stability_checks import variation, worst_drift

Pairs = Sequence[tuple[float, float]]

COVERAGE_FACTOR = 2.0
"""Of the combined standard uncertainty, for about 95 percent (GUM 6.3.3)."""


def uncertainty_of(context: CheckContext, headline: Pairs | None) -> Uncertainty | None:
    """The budget of a rate; None where one of its lines cannot be evaluated.

    Each line is given as half of a 95 percent interval, relative to the rate, so that lines compare with the total.
    """
    if headline is None:
        return None
    rates = [sample.observed for sample in context.samples if sample.observed]
    # A counter gives one pair for all requests: their scatter is then that of the client's own view.
    scattered = headline if len(headline) > 1 else rates
    requests = ratio_half_width(scattered, first=context.run.first_round)
    drifted = worst_drift(context)
    if requests is None or drifted is None:
        return None
    lines = {
        "requests": requests,
        "drift": _bound(abs(drifted) / 2),
        "steadiness": _bound(_pull(rates)),
        "warm-up": _bound(_warm_up_remainder(context)),
        "client lag": _bound(_lag(context, rates)),
        "witnesses": _bound(_witness_spread(context) / 2),
    }
    total = math.sqrt(math.fsum(line * line for line in lines.values()))
    return Uncertainty(
        relative=rounded(total),
        budget=tuple(UncertaintySource(source=name, relative=rounded(line)) for name, line in lines.items()),
        asked=context.run.plan.within,
        why_not=_why_not(context, lines, total),
    )


def _why_not(context: CheckContext, lines: dict[str, float], total: float) -> str:
    """What kept a wanted uncertainty from being reached, in words; empty where it was."""
    target, run = context.run.plan.within, context.run
    if target is None or total <= target:
        return ""
    if run.wanted_requests is not None and run.wanted_requests > run.plan.requests:
        return f"{run.wanted_requests} requests would be needed, and {run.plan.requests} were made"
    widest = max(lines, key=lambda name: lines[name])
    return (
        f"{widest} alone is {lines[widest]:.1%}, and more requests do not narrow it"
        if widest != "requests"
        else ("the requests scatter more than the first of them did")
    )


def _bound(half_width: float) -> float:
    """Half of a 95 percent interval for a value that lies anywhere within this bound (GUM 4.3.7)."""
    return COVERAGE_FACTOR * half_width / math.sqrt(3)


def _pull(pairs: Pairs) -> float:
    """How far slow or fast stretches pull the pooled rate from that of the request in the middle."""
    each = sorted(rate for pair in pairs if (rate := pooled_tok_s([pair])) is not None)
    pooled = pooled_tok_s(pairs)
    if not each or pooled is None:
        return 0.0
    middle = (each[(len(each) - 1) // 2] + each[len(each) // 2]) / 2
    return abs(pooled / middle - 1)


def _warm_up_remainder(context: CheckContext) -> float:
    """What may be left of the warm-up that ended at its cap: the spread of its last requests; 0 where it was over."""
    rates = [sample.tok_s for sample in context.warmups if sample.tok_s][-limit.WARM_UP_OVER :]
    if len(rates) < limit.WARM_UP_OVER:
        rates = [*rates, *(sample.tok_s for sample in context.samples[: limit.WARM_UP_OVER] if sample.tok_s)]
    spread = variation(rates)
    return 0.0 if spread is None or spread <= limit.WARM_UP_SPREAD else spread / max(1, len(context.samples))


def _lag(context: CheckContext, pairs: Pairs) -> float:
    """Both ends of a request's span may be stamped late by as much as onbox woke late."""
    late_s = wake_up_p99_s(context)
    spans = [seconds for _, seconds in pairs]
    return 0.0 if late_s is None or not spans else late_s * len(spans) / math.fsum(spans)


def _witness_spread(context: CheckContext) -> float:
    """The widest distance between two witnesses, over the least."""
    known = [witness.tok_s for witness in context.witnesses if witness.tok_s]
    return max(known) / min(known) - 1 if len(known) > 1 else 0.0
