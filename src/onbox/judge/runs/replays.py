"""What replays say of a run without a call: dropped by the server, or never tried by the model."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from onbox.evidence.markup import whole_call
from onbox.evidence.records import Exchange
from onbox.evidence.stream import read_reply
from onbox.judge.formatting import count, percent
from onbox.untrusted_json import UntrustedJsonError, parse

CONFIDENCE = 0.95


class Settled(StrEnum):
    """What asking again has shown."""

    DROPPED = "dropped by the server"
    NEVER_TRIED = "never tried"
    CALLS_ARRIVE = "calls when asked again"
    OPEN = "open"


@dataclass(frozen=True)
class Replayed:
    """How a run's last request was answered when it was sent again.

    Args:
        settled: what that shows.
        detail: the counts, in words.
        bound: for `never tried`, the share of answers with a call that is still likely, at most (95 percent).
    """

    settled: Settled
    detail: str
    bound: float | None = None


def replayed(exchanges: Sequence[Exchange], offered: Collection[str]) -> Replayed | None:
    """Read the exchanges of a `replay.jsonl`; None when there are none that were answered.

    A well-formed call in the raw text, where none came through the server's API, was dropped. Where neither shows one
    in N answers, a share of calls above 1 - 0.05^(1/N) would have shown one with 95 percent.

    Args:
        exchanges: of the replay.
        offered: the names of the tools that the request offered.
    """
    unchanged = _called(exchanges, "replay")
    flipped = _called(exchanges, "replay-flipped")
    raw = [whole_call(text, offered) is not None for each in exchanges if (text := _raw_text(each)) is not None]
    if not unchanged and not raw:
        return None
    told = [f"unchanged {sum(unchanged)} of {len(unchanged)}"]
    told += [f"streamed the other way {sum(flipped)} of {len(flipped)}"] if flipped else []
    told += [f"past the parser {sum(raw)} of {len(raw)}"] if raw else []
    detail = f"asked again, a call came: {', '.join(told)}"
    if any(unchanged):
        return Replayed(Settled.CALLS_ARRIVE, detail)
    if any(raw) or any(flipped):
        return Replayed(Settled.DROPPED, detail)
    if not raw:
        return Replayed(Settled.OPEN, f"{detail}; no road past this server's parser is known")
    bound = 1 - (1 - CONFIDENCE) ** (1 / len(raw))
    words = f"in {count(len(raw), 'answer')} it wrote no call, so it does in at most {percent(bound)} of them"
    return Replayed(Settled.NEVER_TRIED, f"{detail}; {words} (95 percent)", bound)


def _called(exchanges: Sequence[Exchange], purpose: str) -> list[bool]:
    """For each whole answer, whether it holds a call that the server parsed."""
    replies = [read_reply(each) for each in exchanges if each.purpose == purpose and each.status == 200]
    return [bool(reply.tool_calls) for reply in replies if not reply.error]


RAW_FIELDS = ("content", "text", "response")
"""Where the text of an answer past the parser stands: llama.cpp, SGLang, Ollama."""


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
