"""What an engine reports of one request: how many tokens, in how many seconds."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from onbox.engines.profiles import BUILTIN
from onbox.protocol.reply import COUNT_MAX, Reply
from onbox.schema.engine_profile import EngineProfile, ReplyTiming


def reported_tokens(reply: Reply, profiles: Sequence[EngineProfile] = BUILTIN) -> list[tuple[str, int]]:
    """(where it stands, output tokens) for each account of the length of a reply beside its usage."""
    found: list[tuple[str, Any]] = []
    for timing, part in _timed(reply, profiles):
        if timing.counts_apart:
            found.append((f"its {timing.part}", part.get(timing.tokens)))
    found.append(("its token ids", _ids(reply)))
    return [(name, tokens) for name, tokens in dict(found).items() if _count(tokens)]


def engine_time(reply: Reply, profiles: Sequence[EngineProfile] = BUILTIN) -> tuple[float, float] | None:
    """(tokens, seconds) of decoding by the engine's own clock; None when it gives none."""
    for timing, part in _timed(reply, profiles):
        tokens: Any = part.get(timing.tokens) if timing.tokens else reply.completion_tokens
        spent: Any = part.get(timing.seconds)
        if _count(tokens) and type(spent) in (int, float) and 0 < spent <= SPENT_MAX:
            decoded = tokens - 1 if timing.first_excluded else tokens
            if decoded > 0:
                return float(decoded), spent / timing.per_second
    return None


def drafted(reply: Reply, profiles: Sequence[EngineProfile] = BUILTIN) -> tuple[int, int] | None:
    """(output tokens, those of them that were drafted), by the engine; None when nothing was drafted."""
    for timing, part in _timed(reply, profiles):
        tokens, drafts, accepted = (part.get(name) for name in (timing.tokens, timing.drafted, timing.accepted))
        if timing.drafted and _count(tokens) and _count(accepted) and drafts:
            return tokens, accepted
    return None


SPENT_MAX = 1e18
"""Of whatever unit; a longer time is none."""


def _count(value: Any) -> TypeGuard[int]:
    """Whether a server can mean it as a count of tokens."""
    return type(value) is int and 0 <= value <= COUNT_MAX


def _timed(reply: Reply, profiles: Sequence[EngineProfile]) -> list[tuple[ReplyTiming, Mapping[str, Any]]]:
    """Each engine's way to tell its times, with the part of the reply that it stands in."""
    timings = dict.fromkeys(profile.timing for profile in profiles if profile.timing)
    parts = {"timings": reply.timings, "metrics": reply.metrics, "durations": reply.durations}
    return [(timing, part) for timing in timings if (part := parts.get(timing.part))]


def _ids(reply: Reply) -> int | None:
    """Token ids, with the one that ends a reply and is not always sent."""
    ids, tokens = reply.token_ids, reply.completion_tokens
    unsent = ids is not None and tokens == ids + 1 and reply.finish_reason == "stop"
    return tokens if unsent else ids
