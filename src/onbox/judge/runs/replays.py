"""What replays say of a run: whether the server dropped its calls or broke their arguments, or the model never wrote
them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from onbox.evidence.records import Exchange
from onbox.evidence.replies import read_reply
from onbox.protocol.call_arguments import CallFault, fault_of_call, faults_of
from onbox.protocol.leaked_calls import calls_in, complete_call, leaked
from onbox.schema.units import count, percent
from onbox.untrusted_json import UntrustedJsonError, parse

CONFIDENCE = 0.95
Schemas = Mapping[str, Mapping[str, Any]]


class ReplayOutcome(StrEnum):
    """What asking again has shown."""

    DROPPED = "dropped by the server"
    BROKEN = "broken by the server"
    NEVER_TRIED = "never tried"
    WRITTEN_SO = "written so by the model"
    CALLS_ARRIVE = "calls when asked again"
    OPEN = "open"


@dataclass(frozen=True)
class ReplayResult:
    """How a run's request was answered when it was sent again.

    Args:
        settled: what that shows.
        detail: the counts, in words.
        bound: for `never tried`, the share of answers with a call that is still likely, at most (95 percent).
    """

    settled: ReplayOutcome
    detail: str
    bound: float | None = None


def replayed(exchanges: Sequence[Exchange], offered: Collection[str]) -> ReplayResult | None:
    """Read the exchanges of a `replay.jsonl`; None when there are none that were answered.

    A well-formed call in the raw text, where none came through the server's API, was dropped. Where neither shows one
    in N answers, a share of calls above 1 - 0.05^(1/N) would have shown one with 95 percent. Arguments that came broken
    most of the time, and in no answer past the parser (or, where there is no way past it, streamed the other way), were
    broken by the server.

    Args:
        exchanges: of the replay.
        offered: the tools that the request offered; with their schemas, arguments are held against them.
    """
    schemas: Schemas = offered if isinstance(offered, Mapping) else {name: {} for name in offered}
    unchanged = _served(exchanges, "replay", schemas)
    flipped = _served(exchanges, "replay-flipped", schemas)
    texts = [text for each in exchanges if (text := _raw_text(each)) is not None]
    raw = [_written(text, schemas) for text in texts]
    if not unchanged and not raw:
        return None
    called = [complete_call(text, schemas) is not None for text in texts]
    detail = "asked again, a call came: " + _counts([each is not None for each in unchanged],
                                                    [each is not None for each in flipped], called)  # fmt: skip
    if any(each is False for each in unchanged):
        return _arguments(detail, unchanged, flipped, raw)
    if any(unchanged):
        return ReplayResult(ReplayOutcome.CALLS_ARRIVE, detail)
    if any(called) or any(each is not None for each in flipped):
        return ReplayResult(ReplayOutcome.DROPPED, detail)
    if not raw:
        return ReplayResult(ReplayOutcome.OPEN, f"{detail}; no road past this server's parser is known")
    bound = 1 - (1 - CONFIDENCE) ** (1 / len(raw))
    words = f"in {count(len(raw), 'answer')} it wrote no call, so it does in at most {percent(bound)} of them"
    return ReplayResult(ReplayOutcome.NEVER_TRIED, f"{detail}; {words} (95 percent)", bound)


Calls = Sequence[bool | None]
"""Of each answer: whether the arguments of its calls are whole; None: it holds no call."""


def _arguments(detail: str, unchanged: Calls, flipped: Calls, raw: Calls) -> ReplayResult:
    """What became of arguments of which some came broken again."""
    lists = [[each for each in calls if each is not None] for calls in (unchanged, flipped, raw)]
    served, turned, past = lists
    counted = f"{detail}; with whole arguments: {_counts(served, turned, past)}"
    mostly = 2 * served.count(False) > len(served)
    if past.count(False):
        settled = ReplayOutcome.WRITTEN_SO if past.count(False) * 2 > len(past) or not mostly else ReplayOutcome.OPEN
        return ReplayResult(settled, counted)
    held = past or turned
    if mostly and held and all(held):
        return ReplayResult(ReplayOutcome.BROKEN, counted)
    if not past and turned and not any(turned):
        # Whole or streamed it is the same: the model, or a parser that breaks both ways.
        return ReplayResult(ReplayOutcome.OPEN, f"{counted}; no road past this server's parser is known")
    return ReplayResult(ReplayOutcome.OPEN, counted)


def _counts(unchanged: Sequence[bool], flipped: Sequence[bool], raw: Sequence[bool]) -> str:
    parts = [f"unchanged {sum(unchanged)} of {len(unchanged)}"]
    parts += [f"streamed the other way {sum(flipped)} of {len(flipped)}"] if flipped else []
    parts += [f"past the parser {sum(raw)} of {len(raw)}"] if raw else []
    return ", ".join(parts)


def _served(exchanges: Sequence[Exchange], purpose: str, schemas: Schemas) -> list[bool | None]:
    """Of each whole answer through the server's parser."""
    replies = [read_reply(each) for each in exchanges if each.purpose == purpose and each.status == 200]
    good = [
        reply for reply in replies if not reply.error and not (reply.tool_calls and reply.finish_reason == "length")
    ]
    return [not any(faults_of(reply, schemas)) if reply.tool_calls else None for reply in good]


def _written(text: str, schemas: Schemas) -> bool | None:
    """Of one answer past the parser; a call that is begun and cannot be read is a broken one, if it names a tool."""
    calls = calls_in(text, schemas)
    if not calls:
        named = any(name in text for name in schemas)
        return False if named and leaked(text, schemas) and complete_call(text, schemas) is None else None
    faults = [fault_of_call(call.name, call.arguments, schemas) for call in calls]
    untyped = [CallFault.MISTYPED if not call.typed else None for call in calls]
    return all(fault is None or fault is free for fault, free in zip(faults, untyped, strict=True))


RAW_FIELDS = ("content", "text", "response")
"""Where the text of an answer past the parser stands where it is no completion."""


def _raw_text(exchange: Exchange) -> str | None:
    """What the model wrote, of an answer past the parser: in a field of its own, or as the text of a completion."""
    if exchange.purpose != "replay-raw" or exchange.status != 200:
        return None
    try:
        body = parse(exchange.body())
    except UntrustedJsonError:
        return None
    texts = [body[name] for name in RAW_FIELDS if isinstance(body.get(name), str)] if isinstance(body, dict) else []
    if texts:
        return str(texts[0])
    reply = read_reply(exchange)
    return None if reply.error else reply.content
