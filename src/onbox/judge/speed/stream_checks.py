"""Is the number whole? Rules about the streams that it was read from."""

from collections.abc import Sequence

from onbox.evidence.decode_rate import Sample
from onbox.judge import thresholds as limit
from onbox.judge.rule import Subject, finding, rule
from onbox.judge.speed.check_context import CheckContext, check
from onbox.schema.checks import Check, Status


@rule("COMPLETE", Subject.STREAM, hard=True)
def complete(context: CheckContext) -> Check:
    """All planned requests were made: a measurement that stopped early may have stopped where it liked."""
    planned, made = context.run.plan.requests, len(context.samples)
    good = made == planned and context.run.ended == "complete"
    return finding(
        status=Status.PASS if good else Status.FAIL,
        observed=made,
        threshold=planned,
        unit="requests",
        evidence=f"{context.where}/run.json",
        hint="" if good else f"the measurement ended early ({context.run.ended}): measure again",
    )


@rule("COHERENCE", Subject.STREAM, hard=True)
def coherence(context: CheckContext) -> Check:
    """The same server makes sense: fast garbage is a known failure of broken kernels."""
    if context.without_sense:
        return _no_sense_expected(context)
    case = context.coherence
    status = Status(case.status) if case and case.status in set(Status) else Status.UNKNOWN
    hints = {
        Status.UNKNOWN: "no probe asked this server for sense, so fast garbage would pass: run the preflight first",
        Status.FAIL: f"the server answers nonsense, its speed means nothing: {case.detail if case else ''}; if its "
        "weights are random on purpose, say so (random_weights, --random-weights)",
        Status.WARN: f"the probe for sense was not clear: {case.detail if case else ''}",
    }
    evidence = f"{context.where.split('/')[0]}/preflight.json"
    return finding(
        status=status,
        observed=case.detail if case else None,
        threshold="the probe passes",
        evidence=evidence,
        hint=hints.get(status, ""),
    )


def _no_sense_expected(context: CheckContext) -> Check:
    """Of random weights sense is the surprise: then they are not random, and the rate is not what it is called."""
    case = context.coherence
    sense = case is not None and case.status == Status.PASS
    return check(
        Status.WARN if sense else None,
        f"its weights are said to be random, and it makes sense: {case.detail if case else ''}",
        observed=f"none, as expected of random weights; {case.detail}" if case and not sense else "not asked",
        threshold="none: the weights are random on purpose",
        unit="",
        evidence=f"{context.where.split('/')[0]}/preflight.json",
    )


@rule("STREAM_ERROR", Subject.STREAM, hard=True)
def stream_error(context: CheckContext) -> Check:
    """Every stream ended as it should: status 200, a finish reason, no error on the way."""
    broken = [(sample, why) for sample in context.samples if (why := _breakage(sample))]
    first = f"request {broken[0][0].id}: {broken[0][1]}" if broken else ""
    return finding(
        status=Status.FAIL if broken else Status.PASS,
        observed=len(broken),
        threshold=0,
        unit="requests",
        evidence=f"{context.where}/requests.jsonl",
        hint=f"{first}: see the engine's log" if broken else "",
    )


@rule("OUTPUT_LENGTH", Subject.STREAM, hard=True)
def output_length(context: CheckContext) -> Check:
    """Every reply is as long as was asked: a short one measures something else."""
    known = [sample.tokens for sample in context.samples if sample.tokens is not None]
    evidence = f"{context.where}/requests.jsonl"
    if not known:
        return finding(
            status=Status.UNKNOWN,
            observed=None,
            threshold=100 * limit.OUTPUT_LENGTH_MIN,
            unit="%",
            evidence=evidence,
            hint="the server sends no usage: the length of its replies is not known",
        )
    share = min(known) / context.run.plan.tokens
    good = share >= limit.OUTPUT_LENGTH_MIN
    return finding(
        status=Status.PASS if good else Status.FAIL,
        observed=round(100 * share, 1),
        threshold=100 * limit.OUTPUT_LENGTH_MIN,
        unit="%",
        evidence=evidence,
        hint=""
        if good
        else f"a reply stopped after {min(known)} of {context.run.plan.tokens} tokens: ask for fewer tokens",
    )


@rule("ONE_ANSWER", Subject.STREAM, hard=True)
def one_answer(context: CheckContext) -> Check:
    """Each request got one answer: several share the time, and usage counts them all."""
    most = max((sample.reply.choices for sample in context.samples), default=0)
    good = most <= 1
    return finding(
        status=Status.PASS if good else Status.FAIL,
        observed=most,
        threshold=1,
        unit="answers a request",
        evidence=f"{context.where}/requests.jsonl",
        hint="" if good else "the server gave several answers to one request: set its n, or best_of, to 1",
    )


@rule("ONE_SHOT", Subject.STREAM, hard=True)
def one_shot(context: CheckContext) -> Check:
    """No reply came all at once: there is no time in it between the first token and the last."""
    replies = [sample for sample in context.samples if sample.reply.characters and sample.tokens != 1]
    evidence = f"{context.where}/requests.jsonl"
    if not replies:
        return finding(
            status=Status.UNKNOWN,
            observed=None,
            threshold=0,
            unit="requests",
            evidence=evidence,
            hint="no reply holds anything that could have come in pieces",
        )
    whole = [sample for sample in replies if sample.bursts <= 1]
    return finding(
        status=Status.FAIL if whole else Status.PASS,
        observed=len(whole),
        threshold=0,
        unit="requests",
        evidence=evidence,
        hint=_starved(context, whole, "a whole reply came at once")
        or "a whole reply came at once: the server does not stream, or something holds the stream back until its end"
        if whole
        else "",
    )


@rule("BURSTS", Subject.STREAM, hard=True)
def bursts(context: CheckContext) -> Check:
    """Enough arrivals to see a rate."""
    fewest = min((sample.bursts for sample in context.samples), default=0)
    few = [sample for sample in context.samples if sample.bursts < limit.BURSTS_MIN]
    good = fewest >= limit.BURSTS_MIN
    return finding(
        status=Status.PASS if good else Status.FAIL,
        observed=fewest,
        threshold=limit.BURSTS_MIN,
        unit="bursts",
        evidence=f"{context.where}/requests.jsonl",
        hint=""
        if good
        else _starved(context, few, "the reply came in too few pieces to see a rate")
        or "the reply came in too few pieces to see a rate: something buffers the stream, or ask for more tokens",
    )


@rule("COALESCED", Subject.STREAM)
def coalesced(context: CheckContext) -> Check:
    """Chunks arrive one by one; where something holds them back the time to the first token cannot be seen."""
    shares = [(sample.bursts / sample.reply.chunks, sample) for sample in context.samples if sample.reply.chunks]
    share = min((share for share, _ in shares), default=0.0)
    held_back = [sample for share, sample in shares if share < limit.COALESCED_BELOW]
    good = share >= limit.COALESCED_BELOW
    return finding(
        status=Status.PASS if good else Status.WARN,
        observed=round(share, 4),
        threshold=limit.COALESCED_BELOW,
        unit="bursts a chunk",
        evidence=f"{context.where}/requests.jsonl",
        hint=""
        if good
        else _starved(context, held_back, "tokens came several at a time")
        or "something between server and client holds tokens back: measure without the proxy",
    )


@rule("ALL_ACTIVE", Subject.STREAM, hard=True)
def all_active(context: CheckContext) -> Check | None:
    """Requests that were made together were served together; None where they were made one at a time."""
    if context.together is None:
        return None
    least = 100 * limit.ALL_ACTIVE_MIN
    share = round(100 * context.together.share, 1)
    return check(
        Status.FAIL if share < least else None,
        f"of {context.run.concurrency} requests made together some waited: the server serves fewer at a time",
        observed=share,
        threshold=least,
        unit="% of the time",
        evidence=context.file("requests.jsonl"),
    )


def _starved(context: CheckContext, samples: Sequence[Sample], what: str) -> str:
    """That onbox may have held these tokens back itself, since what reads them waited for a processor.

    Args:
        samples: all of them must have waited, or something else held back those that did not.
        what: what they have in common.

    Returns:
        a hint, or nothing where it did not wait, or nobody knows.
    """
    windows = [context.cpu.get(sample.id) for sample in samples]
    waits = [(window.reader_wait_s or 0.0, window.wall_s) for window in windows if window]
    if len(waits) < len(samples) or not waits:
        return ""
    if any(wait_s <= limit.READER_WAIT_SHARE * of_s for wait_s, of_s in waits):
        return ""
    wait_s, of_s = max(waits)
    return (
        f"{what}, and onbox waited {wait_s:.1f} of {of_s:.1f} s for a processor to read it: "
        "the processors are busy; leave one of them free"
    )


def _breakage(sample: Sample) -> str:
    if sample.status != 200:
        return f"HTTP status {sample.status}"
    if sample.reply.error:
        return sample.reply.error
    if sample.reply.finish_reason is None:
        return "no finish reason came"
    return "" if sample.reply.done else "the stream was cut off"
