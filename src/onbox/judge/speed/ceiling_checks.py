"""Can the rate be, given what a token must read? Asked only where the weights are known."""

from onbox.evidence.records import Ceiling
from onbox.judge.rule import Subject, rule
from onbox.judge.speed.check_context import CheckContext, check
from onbox.schema.checks import Check, Status

IMPOSSIBLE, AT_CEILING = "impossible", "at_ceiling"


@rule("CEILING", Subject.WEIGHTS, hard=True)
def ceiling(context: CheckContext) -> Check | None:
    """The rate needs no more bandwidth than there is; None where the weights are not known."""
    known, implied = context.ceiling, context.implied_gb_s
    if known is None:
        return None
    verdict = plausibility(known, implied, context.uncertainty.relative if context.uncertainty else None)
    needs = f"so fast a rate would read {implied or 0:.1f} GB/s"
    if known.devices is None:
        needs += " of the bandwidths of all devices added up"
    elif known.devices > 1:
        needs += f" of the bandwidths of {known.devices} devices added up"
    bad, hint = {
        IMPOSSIBLE: (Status.FAIL, f"{needs}: token count, clock or assumed precision is wrong"),
        f"{AT_CEILING} or {IMPOSSIBLE}": (
            Status.WARN,
            f"{needs}, more than there is, but for its uncertainty: measure the bandwidth and the rate again",
        ),
    }.get(verdict or "", (None, ""))
    if implied is None:
        bad, hint = Status.UNKNOWN, "no rate was seen that could be held against the ceiling"
    return check(
        bad,
        hint,
        observed="the weights fit into the cache" if verdict is None and implied else _rounded(implied),
        threshold=_rounded(known.impossible_above_gb_s),
        unit="" if verdict is None else "GB/s",
        evidence=f"{context.where.split('/')[0]}/fit.json",
    )


def plausibility(known: Ceiling, implied_gb_s: float | None, relative: float | None = None) -> str | None:
    """The verdict of `onbox fit` on a rate; two of them, where its interval reaches from one into the other.

    Args:
        known: the ceiling.
        implied_gb_s: bandwidth that the rate needs; None: there is no rate.
        relative: uncertainty of the rate; None: the rate is taken as it is.

    Returns:
        None where no rate was seen, or the weights need not be read from memory. A rate whose interval begins below
        what is impossible is not called so.
    """
    if implied_gb_s is None or (known.cache_bytes and known.step_bytes <= known.cache_bytes):
        return None
    known_to = relative or 0.0
    ends = [_plain(known, implied_gb_s * factor) for factor in (1 - known_to, 1 + known_to)]
    if ends[1] == IMPOSSIBLE and ends[0] != IMPOSSIBLE and implied_gb_s <= known.impossible_above_gb_s:
        ends[1] = _plain(known, implied_gb_s)
    if ends[1] == IMPOSSIBLE and ends[0] != IMPOSSIBLE:
        return f"{AT_CEILING} or {IMPOSSIBLE}"
    return ends[0] if ends[0] == ends[1] else " or ".join(ends)


def roof_share(known: Ceiling | None, implied_gb_s: float | None) -> float | None:
    """Of what memory was measured to read, or of the maker's figure, the share that a rate needs."""
    if known is None or plausibility(known, implied_gb_s) is None or implied_gb_s is None:
        return None
    reads = known.measured_gb_s or known.nominal_gb_s
    return implied_gb_s / reads if reads else None


def _plain(known: Ceiling, implied_gb_s: float) -> str:
    if implied_gb_s > known.impossible_above_gb_s:
        return IMPOSSIBLE
    if implied_gb_s >= known.at_ceiling_from_gb_s:
        return AT_CEILING
    return "not_bandwidth_bound" if implied_gb_s < known.not_bound_below_gb_s else "below_ceiling"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
