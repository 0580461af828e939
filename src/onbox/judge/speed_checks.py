"""The validity rules of a decode measurement, one small function each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onbox.evidence.records import CpuWindow, Exchange, PreflightCase, SpeedRecord
from onbox.judge import thresholds as limit
from onbox.judge.estimator import Sample
from onbox.judge.metrics import Counters
from onbox.judge.results import Check, Status, Witness
from onbox.judge.words import sentence

HARD = frozenset(
    {
        "COMPLETE",
        "IDLE_BEFORE",
        "IDLE_AFTER",
        "COUNTER_RESET",
        "TOKEN_RESIDUAL",
        "STREAM_ERROR",
        "OUTPUT_LENGTH",
        "BURSTS",
        "FOREIGN_CPU",
        "COHERENCE",
    }
)
"""Checks whose failure makes a measurement invalid; the failure of any other makes it suspect."""


@dataclass(frozen=True)
class Digest:
    """What the checks look at: the measurement after its streams were read and its counters subtracted."""

    where: str
    run: SpeedRecord
    exchanges: Sequence[Exchange]
    samples: Sequence[Sample]
    warmups: Sequence[Sample]
    counters: Counters | None
    witnesses: Sequence[Witness]
    cpu: Mapping[int, CpuWindow]
    coherence: PreflightCase | None


def all_checks(seen: Digest) -> tuple[Check, ...]:
    """Apply every rule once, in the order in which a reader wants to know."""
    found = (
        complete(seen),
        coherence(seen),
        idle_before(seen),
        idle_after(seen),
        counter_reset(seen),
        token_residual(seen),
        stream_error(seen),
        output_length(seen),
        bursts(seen),
        coalesced(seen),
        witnesses_agree(seen),
        foreign_cpu(seen),
        steady(seen),
        prefix_cache(seen),
    )
    return tuple(check.model_copy(update={"hint": sentence(check.hint)}) for check in found)


def complete(seen: Digest) -> Check:
    """All planned requests were made: a measurement that stopped early may have stopped where it liked."""
    asked, made = seen.run.plan.requests, len(seen.samples)
    good = made == asked and seen.run.ended == "complete"
    return Check(
        id="COMPLETE",
        status=Status.PASS if good else Status.FAIL,
        observed=made,
        threshold=asked,
        unit="requests",
        evidence=f"{seen.where}/run.json",
        hint="" if good else f"the measurement ended early ({seen.run.ended}): measure again",
    )


def coherence(seen: Digest) -> Check:
    """The same server makes sense: fast garbage is a known failure of broken kernels."""
    case = seen.coherence
    status = Status.UNKNOWN if case is None else Status(case.status)
    hints = {
        Status.UNKNOWN: "no probe asked this server for sense, so fast garbage would pass: run the preflight first",
        Status.FAIL: f"the server answers nonsense, its speed means nothing: {case.detail if case else ''}",
        Status.WARN: f"the probe for sense was not clear: {case.detail if case else ''}",
    }
    evidence = f"{seen.where.split('/')[0]}/preflight.json"
    return Check(
        id="COHERENCE",
        status=status,
        observed=case.detail if case else None,
        threshold="the probe passes",
        evidence=evidence,
        hint=hints.get(status, ""),
    )


def idle_before(seen: Digest) -> Check:
    """Nobody else was served before the window: what runs or waits is zero, and counters stand still."""
    scrapes = seen.run.idle_before
    evidence = f"{seen.where}/run.json"
    if len(scrapes) < limit.IDLE_SCRAPES_MIN:
        return Check(
            id="IDLE_BEFORE",
            status=Status.UNKNOWN,
            observed=len(scrapes),
            threshold=limit.IDLE_SCRAPES_MIN,
            unit="scrapes",
            evidence=evidence,
            hint="whether the server was idle could not be seen: start it with its metrics on",
        )
    active = max((value for scrape in scrapes for name, value in scrape.items() if not _counts(name)), default=0.0)
    moved = [name for name in scrapes[0] if _counts(name) and len({scrape.get(name) for scrape in scrapes}) > 1]
    good = active == 0 and not moved
    return Check(
        id="IDLE_BEFORE",
        status=Status.PASS if good else Status.FAIL,
        observed=active if active or not moved else ", ".join(moved),
        threshold=0,
        unit="requests",
        evidence=evidence,
        hint="" if good else "someone else was being served: stop the other client and measure again",
    )


def idle_after(seen: Digest) -> Check:
    """Nobody else was being served when the window closed: engines count a request only when it ends."""
    busy = seen.counters.busy if seen.counters else None
    status = Status.UNKNOWN if busy is None else Status.FAIL if busy else Status.PASS
    hints = {
        Status.UNKNOWN: "the server does not say what it is serving",
        Status.FAIL: "a request that is not ours was under way at the end of the window: measure again",
    }
    return Check(
        id="IDLE_AFTER",
        status=status,
        observed=busy,
        threshold=0,
        unit="requests",
        evidence=f"{seen.where}/metrics-after.prom",
        hint=hints.get(status, ""),
    )


def counter_reset(seen: Digest) -> Check:
    """The counters only grew: one that fell means that the server was restarted inside the window."""
    evidence = f"{seen.where}/metrics-after.prom"
    if seen.counters is None:
        return Check(
            id="COUNTER_RESET",
            status=Status.UNKNOWN,
            observed=None,
            threshold=0,
            evidence=evidence,
            hint="the server offers no counters that onbox knows",
        )
    resets = seen.counters.resets
    return Check(
        id="COUNTER_RESET",
        status=Status.FAIL if resets else Status.PASS,
        observed=", ".join(resets) or 0,
        threshold=0,
        evidence=evidence,
        hint="the server was restarted while it was measured: measure again" if resets else "",
    )


def token_residual(seen: Digest) -> Check:
    """Conservation: what the server counted is what our requests account for, to the token."""
    generated = seen.counters.generated if seen.counters else None
    ours = [sample.tokens for sample in seen.samples]
    evidence = f"{seen.where}/metrics-after.prom"
    if generated is None or not ours or None in ours:
        what = "the server offers no counters" if generated is None else "the server sends no usage"
        return Check(
            id="TOKEN_RESIDUAL",
            status=Status.UNKNOWN,
            observed=None,
            threshold=limit.TOKEN_RESIDUAL_MAX,
            unit="tokens",
            evidence=evidence,
            hint=f"{what}, so other traffic would go unseen",
        )
    residual = generated - sum(tokens or 0 for tokens in ours)
    good = abs(residual) <= limit.TOKEN_RESIDUAL_MAX
    more, less = "someone else used the server", "the server's usage says more than it generated"
    return Check(
        id="TOKEN_RESIDUAL",
        status=Status.PASS if good else Status.FAIL,
        observed=residual,
        threshold=limit.TOKEN_RESIDUAL_MAX,
        unit="tokens",
        evidence=evidence,
        hint="" if good else f"{more if residual > 0 else less}, or a count is wrong: measure again on a quiet server",
    )


def stream_error(seen: Digest) -> Check:
    """Every stream ended as it should: status 200, a finish reason, no error on the way."""
    broken = [(sample, why) for sample in seen.samples if (why := _breakage(sample))]
    first = f"request {broken[0][0].id}: {broken[0][1]}" if broken else ""
    return Check(
        id="STREAM_ERROR",
        status=Status.FAIL if broken else Status.PASS,
        observed=len(broken),
        threshold=0,
        unit="requests",
        evidence=f"{seen.where}/requests.jsonl",
        hint=f"{first}: see the engine's log" if broken else "",
    )


def output_length(seen: Digest) -> Check:
    """Every reply is as long as was asked: a short one measures something else."""
    known = [sample.tokens for sample in seen.samples if sample.tokens is not None]
    evidence = f"{seen.where}/requests.jsonl"
    if not known:
        return Check(
            id="OUTPUT_LENGTH",
            status=Status.UNKNOWN,
            observed=None,
            threshold=100 * limit.OUTPUT_LENGTH_MIN,
            unit="%",
            evidence=evidence,
            hint="the server sends no usage: the length of its replies is not known",
        )
    share = min(known) / seen.run.plan.tokens
    good = share >= limit.OUTPUT_LENGTH_MIN
    return Check(
        id="OUTPUT_LENGTH",
        status=Status.PASS if good else Status.FAIL,
        observed=round(100 * share, 1),
        threshold=100 * limit.OUTPUT_LENGTH_MIN,
        unit="%",
        evidence=evidence,
        hint=""
        if good
        else f"a reply stopped after {min(known)} of {seen.run.plan.tokens} tokens: ask for fewer tokens",
    )


def bursts(seen: Digest) -> Check:
    """Enough arrivals to see a rate."""
    fewest = min((sample.bursts for sample in seen.samples), default=0)
    good = fewest >= limit.BURSTS_MIN
    return Check(
        id="BURSTS",
        status=Status.PASS if good else Status.FAIL,
        observed=fewest,
        threshold=limit.BURSTS_MIN,
        unit="bursts",
        evidence=f"{seen.where}/requests.jsonl",
        hint=""
        if good
        else "the reply came in too few pieces to see a rate: something buffers the stream, or ask for more tokens",
    )


def coalesced(seen: Digest) -> Check:
    """Chunks arrive one by one; where something holds them back the time to the first token cannot be seen."""
    share = min((sample.bursts / sample.reply.chunks for sample in seen.samples if sample.reply.chunks), default=0.0)
    good = share >= limit.COALESCED_BELOW
    return Check(
        id="COALESCED",
        status=Status.PASS if good else Status.WARN,
        observed=round(share, 4),
        threshold=limit.COALESCED_BELOW,
        unit="bursts a chunk",
        evidence=f"{seen.where}/requests.jsonl",
        hint="" if good else "something between server and client holds tokens back: measure without the proxy",
    )


def witnesses_agree(seen: Digest) -> Check:
    """Independent ways to the number give the same number."""
    known = [(witness.name, witness.tok_s) for witness in seen.witnesses if witness.tok_s]
    engine = seen.counters.engine if seen.counters else ""
    threshold = limit.WITNESS_SPREAD.get(engine, limit.WITNESS_SPREAD_DEFAULT)
    if len(known) < 2:
        return Check(
            id="WITNESSES_AGREE",
            status=Status.UNKNOWN,
            observed=len(known),
            threshold=2,
            unit="witnesses",
            evidence=seen.where,
            hint="one witness cannot be checked: start the server with its metrics on (llama.cpp: --metrics)",
        )
    low, high = min(known, key=lambda pair: pair[1]), max(known, key=lambda pair: pair[1])
    spread = high[1] / low[1] - 1
    good = spread <= threshold
    said = f"{high[0]} says {high[1]:.1f} tok/s, {low[0]} says {low[1]:.1f}"
    return Check(
        id="WITNESSES_AGREE",
        status=Status.PASS if good else Status.FAIL,
        observed=round(100 * spread, 2),
        threshold=100 * threshold,
        unit="%",
        evidence=seen.where,
        hint="" if good else f"the witnesses differ: {said}; neither is to be trusted",
    )


def foreign_cpu(seen: Digest) -> Check:
    """Nobody else used the processors while we measured."""
    windows = [seen.cpu.get(sample.id) for sample in seen.samples]
    evidence = f"{seen.where}/telemetry.jsonl"
    shown = [window for window in windows if window is not None and window.engine_s is not None]
    capacity = math.fsum(window.wall_s * window.cores for window in shown)
    if not shown or len(shown) < len(windows) or capacity <= 0:
        return Check(
            id="FOREIGN_CPU",
            status=Status.UNKNOWN,
            observed=None,
            threshold=100 * limit.FOREIGN_CPU_WARN,
            unit="%",
            evidence=evidence,
            hint="the engine's use of the processors is not ours to see, so neither is anyone else's",
        )
    used = math.fsum(window.busy_s - (window.engine_s or 0.0) - window.own_s for window in shown)
    share = max(0.0, used / capacity)
    fails, warns = share > limit.FOREIGN_CPU_FAIL, share > limit.FOREIGN_CPU_WARN
    return Check(
        id="FOREIGN_CPU",
        status=Status.FAIL if fails else Status.WARN if warns else Status.PASS,
        observed=round(100 * share, 1),
        threshold=100 * (limit.FOREIGN_CPU_FAIL if fails else limit.FOREIGN_CPU_WARN),
        unit="%",
        evidence=evidence,
        hint="other programs used the processors: stop them and measure again" if warns else "",
    )


def steady(seen: Digest) -> Check:
    """The requests agree with one another, and the last with the first."""
    rates = [sample.tok_s for sample in seen.samples if sample.tok_s]
    evidence = f"{seen.where}/requests.jsonl"
    if len(rates) < 2:
        return Check(
            id="STEADY",
            status=Status.UNKNOWN,
            observed=len(rates),
            threshold=2,
            unit="requests with a rate",
            evidence=evidence,
            hint="fewer than two requests show a rate: whether it is steady is not known",
        )
    mean = math.fsum(rates) / len(rates)
    deviation = math.sqrt(math.fsum((rate - mean) ** 2 for rate in rates) / (len(rates) - 1)) / mean
    drift = abs(rates[-1] / rates[0] - 1)
    worst = max(deviation, drift)
    good = worst <= limit.STEADY_SPREAD
    what = "the last request differs from the first" if drift >= deviation else "the requests differ from one another"
    return Check(
        id="STEADY",
        status=Status.PASS if good else Status.WARN,
        observed=round(100 * worst, 1),
        threshold=100 * limit.STEADY_SPREAD,
        unit="%",
        evidence=evidence,
        hint="" if good else f"{what} by {worst:.1%}: heat, or other work on the box; measure again when it is quiet",
    )


def prefix_cache(seen: Digest) -> Check:
    """No prompt was answered from the cache of an earlier one, beyond the start that the chat template gives to all."""
    evidence = f"{seen.where}/requests.jsonl"
    asked = [str(_prompt(exchange)) for exchange in seen.exchanges if _prompt(exchange) is not None]
    repeated = len(asked) - len(set(asked))
    cached = [_cached(sample) for sample in seen.samples]
    known = [tokens for tokens in cached if tokens is not None]
    if not repeated and (not known or len(known) < len(cached)):
        return Check(
            id="PREFIX_CACHE",
            status=Status.UNKNOWN,
            observed=None,
            threshold=limit.PREFIX_CACHE_EXCESS_TOKENS,
            unit="tokens",
            evidence=evidence,
            hint="the server does not say how much of a prompt it took from its cache",
        )
    before = [tokens for sample in seen.warmups if (tokens := _cached(sample)) is not None]
    shared = min([*before, *known, limit.TEMPLATE_PREFIX_TOKENS])
    excess = max(known, default=0) - shared
    good = excess <= limit.PREFIX_CACHE_EXCESS_TOKENS and not repeated
    what = f"{repeated} prompts were asked twice" if repeated else f"{excess} tokens of a prompt came from the cache"
    return Check(
        id="PREFIX_CACHE",
        status=Status.PASS if good else Status.WARN,
        observed=max(0, excess),
        threshold=limit.PREFIX_CACHE_EXCESS_TOKENS,
        unit="tokens",
        evidence=evidence,
        hint=""
        if good
        else f"{what}: the time to the first token is too good; begin each prompt with words of its own",
    )


def _counts(name: str) -> bool:
    """Whether a scraped value is a counter, which must stand still, and no gauge, which must be zero."""
    return name.endswith(("_total", "_sum", "_count"))


def _breakage(sample: Sample) -> str:
    if sample.status != 200:
        return f"HTTP status {sample.status}"
    if sample.reply.error:
        return sample.reply.error
    if sample.reply.finish_reason is None:
        return "no finish reason came"
    return "" if sample.reply.done else "the stream was cut off"


def _prompt(exchange: Exchange) -> object:
    body = exchange.request if isinstance(exchange.request, dict) else {}
    return body.get("messages") or body.get("prompt")


def _cached(sample: Sample) -> int | None:
    details = (sample.reply.usage or {}).get("prompt_tokens_details")
    value = details.get("cached_tokens") if isinstance(details, dict) else None
    if value is None:
        value = (sample.reply.timings or {}).get("cache_n")
    return value if isinstance(value, int) else None
