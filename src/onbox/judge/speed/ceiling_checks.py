"""Can the rate be, given what a token must read? Asked only where the weights are known."""

from onbox.evidence.records import Ceiling
from onbox.judge.rule import Subject, rule
from onbox.judge.speed.check_context import CheckContext, check
from onbox.schema.checks import Check, Status


@rule("CEILING", Subject.WEIGHTS, hard=True)
def ceiling(context: CheckContext) -> Check | None:
    """The rate needs no more bandwidth than there is; None where the weights are not known."""
    known, implied = context.ceiling, context.implied_gb_s
    if known is None:
        return None
    verdict = plausibility(known, implied)
    bad = Status.UNKNOWN if implied is None else Status.FAIL if verdict == "impossible" else None
    impossible = f"so fast a rate would read {implied or 0:.1f} GB/s: token count, clock or assumed precision is wrong"
    return check(
        bad,
        impossible if bad is Status.FAIL else "no rate was seen that could be held against the ceiling",
        observed="the weights fit into the cache" if verdict is None and implied else _rounded(implied),
        threshold=_rounded(known.impossible_above_gb_s),
        unit="" if verdict is None else "GB/s",
        evidence=f"{context.where.split('/')[0]}/fit.json",
    )


def plausibility(known: Ceiling, implied_gb_s: float | None) -> str | None:
    """The verdict of `onbox fit`; None where no rate was context, or the weights need not be read from memory."""
    if implied_gb_s is None or (known.cache_bytes and known.step_bytes <= known.cache_bytes):
        return None
    if implied_gb_s > known.impossible_above_gb_s:
        return "impossible"
    if implied_gb_s >= known.at_ceiling_from_gb_s:
        return "at_ceiling"
    return "not_bandwidth_bound" if implied_gb_s < known.not_bound_below_gb_s else "below_ceiling"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
