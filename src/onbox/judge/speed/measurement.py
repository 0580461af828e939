"""A decode rate from recorded bytes: several witnesses, the checks, and whether the number may be used.

The headline is what the client saw, pooled over the measured requests (sum of tokens over sum of seconds): every engine
can be measured with that ruler, and it is what the owner gets; the engine's own accounts are witnesses that must agree.
Only when the client's view holds no rate (a server without `usage`) does the engine's account take its place. The rate
is that of decoding: neither the first token nor the prompt is in it.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from onbox.engines.profiles import candidates
from onbox.evidence.decode_rate import SECOND_NS, Sample, digest, pooled_tok_s
from onbox.evidence.records import (
    Ceiling,
    Exchange,
    SpeedPlan,
)
from onbox.evidence.trial_evidence import SpeedEvidence
from onbox.judge.results import Measurement, RequestSpeed, Uncertainty, Validity, Witness
from onbox.judge.rounding import rounded, rounded_pair
from onbox.judge.speed.bound import bound_of
from onbox.judge.speed.ceiling_checks import plausibility, roof_share
from onbox.judge.speed.check_context import CheckContext
from onbox.judge.speed.checks import HARD, all_checks
from onbox.judge.speed.concurrency import concurrent_window
from onbox.judge.speed.engine_reported import drafted, engine_time
from onbox.judge.speed.ledger_checks import struck_out
from onbox.judge.speed.metrics import Counters, difference, parse
from onbox.judge.speed.rate_comparison import over_one_request
from onbox.judge.speed.uncertainty import uncertainty_of
from onbox.schema.checks import Check, Status
from onbox.schema.engine_profile import EngineProfile

Pairs = list[tuple[float, float]]
MODEL, KERNELS = "model", "kernels"


def measure(evidence: SpeedEvidence) -> Measurement:
    """Judge one measurement.

    Returns:
        `invalid`, with `decode_tok_s` None, when a check of `speed_checks.HARD` failed; `suspect` when another failed,
        warned or could not see, without a `decode_tok_s` when the witnesses differ; `valid` otherwise.
    """
    by_purpose: dict[str, list[Sample]] = {}
    for exchange in evidence.exchanges:
        by_purpose.setdefault(exchange.purpose, []).append(digest(exchange))
    samples = by_purpose.get("measured", [])
    profiles = candidates(evidence.run.profile)
    counters = difference(parse(evidence.metrics_before), parse(evidence.metrics_after), profiles)
    pairs = {
        "client_bursts": _bursts(samples),
        "engine_counters": _counters(counters, len(samples)),
        "engine_timings": _timings(samples, profiles),
    }
    witnesses = tuple(_witness(name, found) for name, found in pairs.items())
    headline = next((found for found in pairs.values() if found), None)
    speculation = _speculation(samples, counters, profiles)
    implied_gb_s = _implied_gb_s(headline, speculation, evidence.ceiling)
    at_once = concurrent_window(samples, evidence.exchanges, evidence.run.concurrency)
    system = at_once.tok_s if at_once else None
    cells = tuple(measure(cell) for cell in evidence.cells)
    context = CheckContext(
        where=evidence.where,
        run=evidence.run,
        exchanges=evidence.exchanges,
        samples=samples,
        warmups=by_purpose.get("warmup", []),
        counters=counters,
        profiles=profiles,
        witnesses=witnesses,
        uncertainty=None,
        cpu=evidence.cpu,
        moments=evidence.moments,
        coherence=evidence.coherence,
        model_name=evidence.model_name,
        without_sense=evidence.without_sense,
        ceiling=evidence.ceiling,
        implied_gb_s=implied_gb_s,
        together=at_once,
        drift=_sweep_drift(headline, cells),
    )
    uncertainty = uncertainty_of(context, headline)
    checks = all_checks(replace(context, uncertainty=uncertainty))
    status = validity(checks)
    bad = {check.id: check.status for check in checks if check.status is not Status.PASS}
    # Of witnesses that differ one may be right, and nobody knows which.
    usable = status is not Validity.INVALID and bad.get("WITNESSES_AGREE") is not Status.FAIL
    coalesced = "COALESCED" in bad
    rate = pooled_tok_s(headline) if usable and headline else None
    firsts = [sample.first_s for sample in samples if sample.first_s is not None]
    cold = [sample.tok_s for sample in by_purpose.get("cold", []) if sample.tok_s is not None]
    known = uncertainty.relative if uncertainty else None
    share = None if rate is None else roof_share(evidence.ceiling, implied_gb_s)
    found = Measurement(
        status=status,
        rate_of=KERNELS if evidence.without_sense else MODEL,
        decode_tok_s=None if rate is None else rounded(rate),
        interval=None if rate is None else _interval(rate, uncertainty),
        uncertainty=uncertainty if usable else None,
        witnesses=witnesses,
        checks=checks,
        cold_tok_s=rounded(cold[0]) if cold else None,
        ttft_s=None if coalesced or not firsts else rounded(median(firsts)),
        requests=len(samples),
        tokens=sum(sample.tokens or 0 for sample in samples),
        acceptance_length=None if speculation is None else rounded(speculation),
        forward_passes_s=None if speculation is None or rate is None else rounded(rate / speculation),
        implied_gb_s=None if rate is None or implied_gb_s is None else rounded(implied_gb_s),
        plausibility=plausibility(evidence.ceiling, implied_gb_s, known) if evidence.ceiling else None,
        roof_share=None if share is None else rounded(share),
        roof_share_interval=None if share is None else _interval(share, uncertainty),
        system_tok_s=None if rate is None or system is None else rounded(system),
        cells=cells,
        profile={
            "engine": evidence.run.engine,
            "model": _model(evidence.exchanges),
            "tokens": evidence.run.plan.tokens,
            "depth_tokens": evidence.run.plan.depth_tokens,
            "concurrency": evidence.run.concurrency,
            "ruler": next((name for name, found in pairs.items() if found), None),
            **_stated(evidence.run.plan),
        },
        each=tuple(_one(sample, evidence.exchanges, coalesced) for sample in samples),
    )
    beside = [cell.model_copy(update={"beside_one": over_one_request(found, cell)}) for cell in cells]
    found = found.model_copy(update={"cells": tuple(beside), "depths": tuple(map(measure, evidence.depths))})
    if not evidence.run.plan.depths:
        return found
    return found.model_copy(update={"bound": bound_of(found, evidence.ceiling, found.depths)})


def _sweep_drift(headline: Pairs | None, cells: Sequence[Measurement]) -> float | None:
    """What the client saw of one at a time after the sweep, over the same before it, less 1."""
    after = next((cell for cell in reversed(cells) if cell.profile["concurrency"] == 1), None)
    rate = next((witness.tok_s for witness in after.witnesses if witness.tok_s), None) if after else None
    before = pooled_tok_s(headline) if headline else None
    return None if before is None or rate is None else rate / before - 1


def _implied_gb_s(headline: Pairs | None, speculation: float | None, ceiling: Ceiling | None) -> float | None:
    """Bytes a second that the forward passes must have read."""
    rate = pooled_tok_s(headline) if headline else None
    if rate is None or ceiling is None:
        return None
    return rate / (speculation or 1.0) * ceiling.step_bytes / 1e9


def _stated(plan: SpeedPlan) -> dict[str, str]:
    """What the user says of the server and nothing here can see."""
    stated = {"backend": plan.backend, "precision": plan.precision}
    return {name: value for name, value in stated.items() if value}


def refused(measurement: Measurement, reason: str) -> Measurement:
    """A measurement that the ledger strikes out: all that was context, and no number."""
    struck = struck_out(reason)
    no_number = {
        "decode_tok_s": None,
        "interval": None,
        "uncertainty": None,
        "forward_passes_s": None,
        "implied_gb_s": None,
        "roof_share": None,
        "roof_share_interval": None,
    }
    checks = (struck, *measurement.checks)
    return measurement.model_copy(update={"status": Validity.INVALID, "checks": checks, **no_number})


def _model(exchanges: Sequence[Exchange]) -> str | None:
    """What the measured requests called the model."""
    requests = (exchange.request for exchange in exchanges if exchange.purpose == "measured")
    named = (request.get("model") for request in requests if isinstance(request, dict))
    return next((name for name in named if isinstance(name, str)), None)


def _one(sample: Sample, exchanges: Sequence[Exchange], coalesced: bool) -> RequestSpeed:
    ended_ns = next((exchange.ended_ns for exchange in exchanges if exchange.id == sample.id), None)
    return RequestSpeed(
        id=sample.id,
        prompt_tokens=sample.reply.prompt_tokens,
        tokens=sample.tokens,
        ttft_s=None if coalesced or sample.first_s is None else rounded(sample.first_s),
        seconds=None if ended_ns is None else rounded(ended_ns / SECOND_NS),
        decode_tok_s=None if sample.tok_s is None else rounded(sample.tok_s),
    )


def _bursts(samples: Sequence[Sample]) -> Pairs | None:
    pairs = [sample.observed for sample in samples]
    return [pair for pair in pairs if pair] if pairs and all(pairs) else None


def _counters(counters: Counters | None, requests: int) -> Pairs | None:
    """Delta tokens, less those made before the engine's seconds began, over delta seconds."""
    if counters is None or not counters.decoded or not counters.decode_s:
        return None
    tokens = counters.decoded - (requests if counters.firsts is None else counters.firsts)
    return [(float(tokens), counters.decode_s)] if tokens > 0 and counters.decode_s > 0 else None


def _speculation(
    samples: Sequence[Sample], counters: Counters | None, profiles: Sequence[EngineProfile]
) -> float | None:
    """Tokens a forward pass, by counters (a draft yields what was kept of it and one token more), else by the
    engine's account of each request; None when nothing was drafted."""
    if counters and counters.drafts and counters.accepted is not None:
        return 1 + counters.accepted / counters.drafts
    drafts = [drafted(sample.reply, profiles) for sample in samples]
    known = [pair for pair in drafts if pair]
    if not known or len(known) < len(drafts):
        return None
    tokens, accepted = (sum(column) for column in zip(*known, strict=True))
    return tokens / (tokens - accepted) if 0 <= accepted < tokens else None


def _timings(samples: Sequence[Sample], profiles: Sequence[EngineProfile]) -> Pairs | None:
    pairs = [engine_time(sample.reply, profiles) for sample in samples]
    return [pair for pair in pairs if pair] if pairs and all(pairs) else None


def _interval(rate: float, uncertainty: Uncertainty | None) -> tuple[float, float] | None:
    if uncertainty is None:
        return None
    return rounded_pair((rate * max(0.0, 1 - uncertainty.relative), rate * (1 + uncertainty.relative)))


def _witness(name: str, pairs: Pairs | None) -> Witness:
    rate = pooled_tok_s(pairs) if pairs else None
    if not pairs or rate is None:
        return Witness(name=name, tok_s=None, detail="not to be had from this server")
    tokens, seconds = (math.fsum(column) for column in zip(*pairs, strict=True))
    return Witness(
        name=name,
        tok_s=rounded(rate),
        detail=f"{f'{tokens:.1f}'.removesuffix('.0')} tokens in {seconds:.3f} s",
    )


def validity(checks: Sequence[Check]) -> Validity:
    """What checks make of a measurement: one hard failure makes it invalid, anything but a pass makes it suspect."""
    if any(check.status is Status.FAIL and check.id in HARD for check in checks):
        return Validity.INVALID
    return Validity.VALID if all(check.status is Status.PASS for check in checks) else Validity.SUSPECT
