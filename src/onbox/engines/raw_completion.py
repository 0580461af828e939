"""What the routes past different servers' parsers have in common."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from onbox.untrusted_json import UntrustedJsonError, parse_object

if TYPE_CHECKING:
    from onbox.evidence.records import Exchange

CHAT = "/v1/chat/completions"
PROMPT = "replay-prompt"
SAMPLED_BY = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "repeat_penalty",
    "seed",
)
OUTPUT_TOKENS = 1024
"""Where a request has no limit of its own."""


def one_token(body: Mapping[str, Any]) -> dict[str, Any]:
    """The request for one token and not streamed: its answer is not wanted, only what comes with it."""
    left_out = ("stream_options", "max_completion_tokens")
    return {**{name: body[name] for name in body if name not in left_out}, "max_tokens": 1, "stream": False}


def sampling(body: Mapping[str, Any], names: tuple[str, ...] = SAMPLED_BY) -> dict[str, Any]:
    """What a request samples by."""
    return {name: body[name] for name in names if name in body}


def output_limit(body: Mapping[str, Any]) -> int:
    """Output tokens that a request allows."""
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    return limit if isinstance(limit, int) else OUTPUT_TOKENS


def answer(exchange: "Exchange") -> dict[str, Any]:
    """The JSON object of a good answer; empty for any other."""
    try:
        return parse_object(exchange.body()) if exchange.status == 200 else {}
    except UntrustedJsonError:
        return {}
