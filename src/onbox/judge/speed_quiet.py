"""Was the window ours alone? Rules about other requests, other programs and the cache of earlier prompts."""

import math
import re

from onbox.evidence.records import Exchange
from onbox.judge import thresholds as limit
from onbox.judge.accounts import accounts
from onbox.judge.estimator import Sample
from onbox.judge.results import Check, Status
from onbox.judge.speed_seen import Seen

BUSY = re.compile(r"running|waiting|processing|deferred|queue")
"""Scraped gauges that are zero when nobody is served; other gauges (averages, settings) say nothing of that."""
COUNTS = ("_total", "_sum", "_count")
"""Scraped counters, which stand still when nobody is served."""


def idle_before(seen: Seen) -> Check:
    """Nobody else was served before the window: what runs or waits is zero, and counters stand still."""
    scrapes = seen.run.idle_before
    evidence = f"{seen.where}/run.json"
    looked = [scrape for scrape in scrapes if any(_busy(name) for name in scrape)]
    if len(looked) < limit.IDLE_SCRAPES_MIN:
        return Check(
            id="IDLE_BEFORE",
            status=Status.UNKNOWN,
            observed=len(looked),
            threshold=limit.IDLE_SCRAPES_MIN,
            unit="scrapes",
            evidence=evidence,
            hint="whether the server was idle could not be seen: start it with its metrics on",
        )
    active = max((value for scrape in scrapes for name, value in scrape.items() if _busy(name)), default=0.0)
    moved = [name for name in scrapes[0] if name.endswith(COUNTS) and len({scrape.get(name) for scrape in scrapes}) > 1]
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


def idle_after(seen: Seen) -> Check:
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


def counter_reset(seen: Seen) -> Check:
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


def token_residual(seen: Seen) -> Check:
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


def usage(seen: Seen) -> Check:
    """The length of each reply, by `usage`, is what the server knows otherwise: by its counters when they counted our
    requests alone, by token ids, or by the engine's own account of the request."""
    evidence = f"{seen.where}/requests.jsonl"
    said = [sample.tokens for sample in seen.samples]
    counters = seen.counters
    known: list[tuple[str, int, int]] = []
    if None not in said:
        total = sum(tokens or 0 for tokens in said)
        if counters and counters.generated is not None and counters.requests == len(said):
            known.append(("the server's counter", total, counters.generated))
        known += [(f"request {s.id}, {name}", s.tokens or 0, n) for s in seen.samples for name, n in accounts(s.reply)]
        if counters and counters.generated == total:
            known.append(("the server's counter", total, total))
    if not known:
        return Check(
            id="USAGE",
            status=Status.UNKNOWN,
            observed=None,
            threshold=0,
            unit="tokens",
            evidence=evidence,
            hint="the server sends no usage" if None in said else "nothing else says how long the replies were",
        )
    where, tokens, counted = max(known, key=lambda entry: abs(entry[1] - entry[2]))
    good = tokens == counted
    return Check(
        id="USAGE",
        status=Status.PASS if good else Status.FAIL,
        observed=tokens - counted,
        threshold=0,
        unit="tokens",
        evidence=evidence,
        hint="" if good else f"usage says {tokens} tokens where {where} says {counted}: the server's usage is wrong",
    )


def foreign_cpu(seen: Seen) -> Check:
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


def prefix_cache(seen: Seen) -> Check:
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


def _busy(name: str) -> bool:
    return BUSY.search(name) is not None and not name.endswith(COUNTS)


def _prompt(exchange: Exchange) -> object:
    body = exchange.request if isinstance(exchange.request, dict) else {}
    return body.get("messages") or body.get("prompt")


def _cached(sample: Sample) -> int | None:
    details = (sample.reply.usage or {}).get("prompt_tokens_details")
    value = details.get("cached_tokens") if isinstance(details, dict) else None
    if value is None:
        value = (sample.reply.timings or {}).get("cache_n")
    return value if isinstance(value, int) else None
