"""Was all that the server counted in the window ours? Rules about other requests and the cache of earlier prompts."""

from onbox.evidence.decode_rate import Sample
from onbox.evidence.records import Exchange
from onbox.judge import thresholds as limit
from onbox.judge.rule import Subject, finding, rule
from onbox.judge.speed.check_context import CheckContext, check, unknown_check
from onbox.judge.speed.engine_reported import reported_tokens
from onbox.judge.speed.metrics import Counters
from onbox.schema.checks import Check, Status
from onbox.schema.units import count, several


@rule("TOKEN_RESIDUAL", Subject.SERVER, hard=True)
def token_residual(context: CheckContext) -> Check:
    """Conservation: what the server counted is what our requests account for, to the token."""
    residual, evidence = _residual(context), context.file("metrics-after.prom")
    if residual is None:
        counted = context.counters is not None and context.counters.generated is not None
        what = "the server sends no usage" if counted else "the server offers no counters"
        hint = f"{what}, so other traffic would go unseen"
        return unknown_check(hint, threshold=limit.TOKEN_RESIDUAL_MAX, unit="tokens", evidence=evidence)
    good = abs(residual) <= limit.TOKEN_RESIDUAL_MAX
    more, less = "someone else used the server", "the server's usage says more than it generated"
    return finding(
        status=Status.PASS if good else Status.FAIL,
        observed=residual,
        threshold=limit.TOKEN_RESIDUAL_MAX,
        unit="tokens",
        evidence=evidence,
        hint="" if good else f"{more if residual > 0 else less}, or a count is wrong: measure again on a quiet server",
    )


@rule("USAGE", Subject.SERVER, hard=True)
def usage(context: CheckContext) -> Check:
    """The length of each reply, by `usage`, is what the server knows otherwise: by its counters when they counted our
    requests alone, by token ids, or by the engine's own account of the request."""
    evidence = f"{context.where}/requests.jsonl"
    for sample in context.samples:
        if impossible := _impossible(sample, context.run.plan.tokens):
            return check(
                Status.FAIL,
                f"usage of request {sample.id} says {impossible} output tokens where at most"
                f" {context.run.plan.tokens} were asked for: the server's usage is wrong",
                observed=impossible,
                threshold=0,
                unit="tokens",
                evidence=evidence,
            )
    if hiding := next((sample for sample in context.samples if sample.hides), None):
        return check(
            Status.WARN,
            f"usage of request {hiding.id} counts {hiding.tokens} tokens, and {hiding.reply.characters} characters came"
            f" after {hiding.first_s:.3g} s of silence: reasoning is kept back, and how much is not told; what came is"
            " divided by no time",
            observed=hiding.tokens,
            threshold=0,
            unit="tokens",
            evidence=evidence,
        )
    counts = [sample.tokens for sample in context.samples]
    counters = context.counters
    known: list[tuple[str, int, int]] = []
    if None not in counts:
        total = sum(tokens or 0 for tokens in counts)
        if counters and counters.generated is not None and counters.requests == len(counts):
            known.append(("the server's counter", total, counters.generated))
        known += [
            (f"request {s.id}, {name}", s.tokens or 0, n)
            for s in context.samples
            for name, n in reported_tokens(s.reply, context.profiles)
        ]
        if counters and counters.generated == total:
            known.append(("the server's counter", total, total))
    if not known:
        return finding(
            status=Status.UNKNOWN,
            observed=None,
            threshold=0,
            unit="tokens",
            evidence=evidence,
            hint=_no_usage(context) if None in counts else "nothing else says how long the replies were",
        )
    where, tokens, counted = max(known, key=lambda entry: abs(entry[1] - entry[2]))
    good = tokens == counted
    return finding(
        status=Status.PASS if good else Status.FAIL,
        observed=tokens - counted,
        threshold=0,
        unit="tokens",
        evidence=evidence,
        hint="" if good else f"usage says {tokens} tokens where {where} says {counted}: the server's usage is wrong",
    )


def _no_usage(context: CheckContext) -> str:
    options = "; ".join(dict.fromkeys(each.usage_option for each in context.profiles if each.usage_option))
    return (
        f"the server sends no usage, though stream_options.include_usage asked for it: start it with what brings it"
        f" ({options}), or measure past the gateway that strips it"
    )


def _impossible(sample: Sample, limit: int) -> str:
    """The count of a reply's usage that no server can mean, as it stands there; empty where it can be one."""
    usage = sample.reply.usage or {}
    if "completion_tokens" not in usage or usage["completion_tokens"] is None:
        return ""
    above = sample.tokens is not None and sample.reply.choices <= 1 and sample.tokens > limit
    return str(usage["completion_tokens"])[:40] if sample.tokens is None or above else ""


@rule("STRAY_TRAFFIC", Subject.SERVER, hard=True)
def stray_traffic(context: CheckContext) -> Check:
    """Nobody else was served: the server finished as many requests as we made, and read as many prompt tokens."""
    counters, evidence = context.counters, context.file("metrics-after.prom")
    prompts = [sample.reply.prompt_tokens for sample in context.samples]
    more: list[tuple[int, str]] = []
    if counters and counters.requests is not None:
        more.append((counters.requests - len(context.samples), "request"))
    if counters and counters.prompt is not None and prompts and None not in prompts:
        more.append((counters.prompt - sum(tokens or 0 for tokens in prompts), "prompt token"))
    if not more:
        why = "the server does not count requests or prompt tokens" if counters else "the server offers no counters"
        hint = f"{why}, so other traffic would go unseen"
        return unknown_check(hint, threshold=0, unit="requests", evidence=evidence)
    stray = [(number, what) for number, what in more if number > 0]
    if stray and (residual := _residual(context)):
        stray.append((residual, "output token"))
    named = several([count(number, what) for number, what in stray])
    return check(
        Status.FAIL if stray else None,
        f"the server also served {named} that are not ours: stop the other client and measure again",
        observed=named or 0,
        threshold=0,
        unit="" if stray else "requests",
        evidence=evidence,
    )


@rule("PREEMPTIONS", Subject.SERVER)
def preemptions(context: CheckContext) -> Check:
    """No request lost its place and had to begin anew."""
    lost, evidence = context.counters.preemptions if context.counters else None, context.file("metrics-after.prom")
    if lost is None:
        hint = "whether a request had to give up its place could not be seen"
        return unknown_check(hint, threshold=limit.PREEMPTIONS_MAX, unit="requests", evidence=evidence)
    return check(
        Status.WARN if lost > limit.PREEMPTIONS_MAX else None,
        "the server ran out of cache and began requests anew: give it more memory for its cache, or less context",
        observed=lost,
        threshold=limit.PREEMPTIONS_MAX,
        unit="requests",
        evidence=evidence,
    )


@rule("PREFIX_CACHE", Subject.SERVER)
def prefix_cache(context: CheckContext) -> Check:
    """No prompt was answered from the cache of an earlier one, beyond the start that the chat template gives to all:
    by what each reply says of itself, and by the server's counters."""
    prompts = [str(_prompt(exchange)) for exchange in context.exchanges if _prompt(exchange) is not None]
    repeated = len(prompts) - len(set(prompts))
    cached = [_cached(sample) for sample in context.samples]
    known = [tokens for tokens in cached if tokens is not None]
    each = bool(known) and len(known) == len(cached)
    before = [tokens for sample in context.warmups if (tokens := _cached(sample)) is not None]
    shared = min([*before, *known, limit.TEMPLATE_PREFIX_TOKENS]) if each else 0
    share = _hit_share(context.counters, shared * len(context.samples))
    evidence = context.file("requests.jsonl" if each or repeated else "metrics-after.prom")
    most = 100 * limit.PREFIX_CACHE_SHARE
    if not repeated and not each and share is None:
        hint = "the server does not say how much of a prompt it took from its cache"
        return unknown_check(hint, threshold=most, unit="%", evidence=evidence)
    excess = max(known, default=0) - shared if each else 0
    by_counters = share is not None and share > limit.PREFIX_CACHE_SHARE
    bad = repeated or excess > limit.PREFIX_CACHE_EXCESS_TOKENS or by_counters
    what = f"{excess} tokens of a prompt came from the cache"
    if repeated:
        what = f"{count(repeated, 'prompt')} asked twice"
    elif by_counters and share is not None:
        what = f"{share:.1%} of the prompts came from the cache"
    by_tokens = each and not by_counters
    return check(
        Status.WARN if bad else None,
        f"{what}: the time to the first token is too good; begin each prompt with words of its own",
        observed=max(0, excess) if by_tokens or share is None else round(100 * share, 2),
        threshold=limit.PREFIX_CACHE_EXCESS_TOKENS if by_tokens or share is None else most,
        unit="tokens" if by_tokens or share is None else "%",
        evidence=evidence,
    )


def _residual(context: CheckContext) -> int | None:
    """Output tokens that the server counted and nobody of ours accounts for."""
    generated = context.counters.generated if context.counters else None
    ours = [sample.tokens for sample in context.samples]
    if generated is None or not ours or None in ours:
        return None
    return generated - sum(tokens or 0 for tokens in ours)


def _hit_share(counters: Counters | None, shared: int) -> float | None:
    """Share of the prompt tokens that came from the cache, the start that all have in common left out."""
    if counters is None or counters.cached is None or counters.queried is None:
        return None
    if not counters.queried:
        return 0.0 if not counters.cached else None  # no prompt was looked up: the server does not use its cache
    return max(0, counters.cached - shared) / counters.queried


def _prompt(exchange: Exchange) -> object:
    body = exchange.request if isinstance(exchange.request, dict) else {}
    return body.get("messages") or body.get("prompt")


def _cached(sample: Sample) -> int | None:
    details = (sample.reply.usage or {}).get("prompt_tokens_details")
    value = details.get("cached_tokens") if isinstance(details, dict) else None
    if value is None:
        value = (sample.reply.timings or {}).get("cache_n")
    return value if isinstance(value, int) else None
