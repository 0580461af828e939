"""Is the rate one number? Rules about witnesses that agree, and about a rate that stays the same."""

import math
from collections.abc import Sequence
from statistics import median

from onbox.judge import thresholds as limit
from onbox.judge.rule import Subject, finding, rule
from onbox.judge.speed.check_context import CheckContext, check, unknown_check
from onbox.judge.speed.request_kinds import other_kind
from onbox.schema.checks import Check, Status
from onbox.schema.units import count


@rule("WITNESSES_AGREE", Subject.STREAM)
def witnesses_agree(context: CheckContext) -> Check:
    """Independent ways to the number give the same number."""
    known = [(witness.name, witness.tok_s) for witness in context.witnesses if witness.tok_s]
    threshold = _witness_summary(context)
    if len(known) < 2:
        return finding(
            status=Status.UNKNOWN,
            observed=len(known),
            threshold=2,
            unit="witnesses",
            evidence=context.where,
            hint=f"one witness cannot be checked: start the server with its metrics on ({_metrics_options(context)})",
        )
    low, high = min(known, key=lambda pair: pair[1]), max(known, key=lambda pair: pair[1])
    spread = high[1] / low[1] - 1
    good = spread <= threshold
    extremes = f"{high[0]} says {high[1]:.1f} tok/s, {low[0]} says {low[1]:.1f}"
    return finding(
        status=Status.PASS if good else Status.FAIL,
        observed=round(100 * spread, 2),
        threshold=100 * threshold,
        unit="%",
        evidence=context.where,
        hint="" if good else f"the witnesses differ: {extremes}; no rate is given",
    )


def _witness_summary(context: CheckContext) -> float:
    """What this engine's own numbers may differ by: of the engine whose counters these are, or whose times where it has
    no counters."""
    for profile in context.profiles:
        if context.counters:
            its = profile.engine == context.counters.engine
        else:
            part = profile.timing.part if profile.timing and not profile.counters else ""
            its = any(part and getattr(sample.reply, part) for sample in context.samples)
        if its:
            return limit.WITNESS_SPREAD if profile.witness_spread is None else profile.witness_spread
    return limit.WITNESS_SPREAD


def _metrics_options(context: CheckContext) -> str:
    return "; ".join(dict.fromkeys(each.metrics_option for each in context.profiles if each.metrics_option))


@rule("WARM_UP", Subject.BOX)
def warm_up(context: CheckContext) -> Check:
    """Warm-up was over when the measured requests were made; what may be left of it is small."""
    rates = [sample.tok_s for sample in context.warmups if sample.tok_s]
    spread = variation(rates[-limit.WARM_UP_OVER :]) if len(rates) >= limit.WARM_UP_OVER else None
    over = spread is not None and spread <= limit.WARM_UP_SPREAD
    last = "" if spread is None else f", the last {limit.WARM_UP_OVER} within {spread:.1%}"
    drifted = drift_of(context)
    left = drifted is None or abs(drifted) > limit.BOUNDED_MAX or (spread or 0.0) > limit.BOUNDED_MAX
    return check(
        Status.WARN if not over and left else None,
        f"warm-up ended at its cap of {context.run.plan.warmup_requests_max} requests and was not over: measure again",
        observed=f"{count(len(rates), 'request')}{last}{'' if over else ', its cap'}",
        threshold=f"{limit.WARM_UP_OVER} within {limit.WARM_UP_SPREAD:.0%}, or {limit.BOUNDED_MAX:.0%} at its cap",
        unit="",
        evidence=context.file("requests.jsonl"),
    )


@rule("STEADY", Subject.STREAM)
def steady(context: CheckContext) -> Check:
    """The requests agree with one another, and none is of another kind than the others."""
    rates = [sample.tok_s for sample in context.samples if sample.tok_s]
    spread, most, evidence = variation(rates), 100 * limit.BOUNDED_MAX, context.file("requests.jsonl")
    if spread is None:
        hint = "fewer than two requests show a rate: whether it is steady is not known"
        return unknown_check(hint, threshold=most, unit="%", evidence=evidence)
    other = other_kind([1 / rate for rate in rates])
    hint = (
        f"the requests differ from one another by {spread:.1%}: other work on the box; measure again when it is quiet"
    )
    if other is not None and spread <= limit.BOUNDED_MAX:
        hint = (
            f"{other.requests} of {count(len(rates), 'request')} took {abs(other.slower):.0%} "
            f"{'more' if other.slower > 0 else 'less'} time a token than the others, which agree within "
            f"{other.spread:.1%}: they are of two kinds, and how often the rarer one comes, which decides the rate, so "
            "few do not tell; make more (--requests), or find out what is different about it"
        )
    return check(
        Status.WARN if spread > limit.BOUNDED_MAX or other is not None else None,
        hint,
        observed=round(100 * spread, 1),
        threshold=most,
        unit="%",
        evidence=evidence,
    )


@rule("DRIFT", Subject.BOX)
def drift(context: CheckContext) -> Check:
    """The first third of the requests, made once more at the end, is as fast as it was; and so is the whole of a sweep
    when it is over."""
    drifted, most, evidence = worst_drift(context), 100 * limit.BOUNDED_MAX, context.file("requests.jsonl")
    if drifted is None:
        hint = "fewer than two requests show a rate: whether it drifts is not known"
        return unknown_check(hint, threshold=most, unit="%", evidence=evidence)
    faster = "faster" if drifted > 0 else "slower"
    return check(
        Status.WARN if abs(drifted) > limit.BOUNDED_MAX else None,
        f"the last requests were {abs(drifted):.1%} {faster} than the first: {_cause(context, drifted)}",
        observed=round(100 * drifted, 2),
        threshold=most,
        unit="%",
        evidence=evidence,
    )


@rule("INTERVAL", Subject.BOX)
def interval(context: CheckContext) -> Check:
    """The uncertainty of the rate can be stated, and is small enough for the number to mean something."""
    most, evidence = 100 * limit.BOUNDED_MAX, context.file("requests.jsonl")
    if context.uncertainty is None:
        hint = "fewer than two requests show a rate: how sure it is cannot be said"
        return unknown_check(hint, threshold=most, unit="%", evidence=evidence)
    half = context.uncertainty.relative
    widest = max(context.uncertainty.budget, key=lambda line: line.relative)
    return check(
        Status.WARN if half > limit.BOUNDED_MAX else None,
        f"the rate is known to {half:.1%} only, most of it from {widest.source}: more requests, or longer ones"
        " (--requests, --tokens)",
        observed=round(100 * half, 2),
        threshold=most,
        unit="%",
        evidence=evidence,
    )


def _cause(context: CheckContext, drifted: float) -> str:
    """What a drift comes from, by the pace of a fixed sum of onbox's own beside each request."""
    took = [window.reference_s for sample in context.samples if (window := context.cpu.get(sample.id)) is not None]
    known = [each for each in took if each]
    if len(known) < 2 or len(known) < len(context.samples):
        return "heat, a cold start, or other work"
    cell = max(1, len(known) // 3)
    own = median(known[:cell]) / median(known[-cell:]) - 1
    if own * drifted > 0 and abs(own) >= abs(drifted) / 2:
        word = "faster" if own > 0 else "slower"
        return (
            f"so was the processor itself, {abs(own):.1%} {word} at a fixed sum: its clock, or a neighbour on its host"
        )
    return "the processor was as fast at a fixed sum: a cold start, memory, or other work"


def worst_drift(context: CheckContext) -> float | None:
    """The larger of the drift over the requests and that over a whole sweep; None where neither can be seen."""
    drifted = drift_of(context)
    if drifted is None or context.drift is None:
        return drifted
    return max(drifted, context.drift, key=abs)


def drift_of(context: CheckContext) -> float | None:
    """Rate of the last third over that of the first, less 1; of the last request over the first of fewer than six."""
    pairs = [sample.observed for sample in context.samples if sample.observed]
    if len(pairs) < 2 or len(pairs) < len(context.samples):
        return None
    cell = max(1, len(pairs) // 3)
    first, last = ([math.fsum(column) for column in zip(*part, strict=True)] for part in (pairs[:cell], pairs[-cell:]))
    return (last[0] / last[1]) / (first[0] / first[1]) - 1


def variation(rates: Sequence[float]) -> float | None:
    """Coefficient of variation."""
    if len(rates) < 2:
        return None
    mean = math.fsum(rates) / len(rates)
    return math.sqrt(math.fsum((rate - mean) ** 2 for rate in rates) / (len(rates) - 1)) / mean
