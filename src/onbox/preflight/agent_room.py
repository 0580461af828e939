"""How much of a server's context an agent's first request takes, as that server counts tokens."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onbox.evidence.records import Exchange
from onbox.evidence.replies import read_reply
from onbox.untrusted_json import UntrustedJsonError, parse_object
from onbox.wire.client import StampedClient

BYTES_PER_TOKEN = 3.7
"""What opencode's first request came to on a server that said how many tokens it was."""
BYTES_PER_TOKEN_MIN, BYTES_PER_TOKEN_MAX = 1.0, 12.0
"""No tokenizer makes less or more of instructions and JSON; a server that says so counts something else."""
PURPOSE = "preflight"


@dataclass(frozen=True)
class AgentRoom:
    """The room that an agent needs.

    Args:
        name: of the agent.
        opening_tokens: of its first request, by the table of agents that were measured; None: of none of those.
        turn_tokens: that an answer may have.
        opening: its first request, where it was run to see it.
    """

    name: str
    opening_tokens: int | None
    turn_tokens: int
    opening: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class OpeningSize:
    """The size of a first request: tokens, and by what they are known."""

    tokens: int
    how: str


def opening_size(client: StampedClient, model: str, room: AgentRoom, exchange: Exchange | None) -> OpeningSize | None:
    """The tokens of an agent's first request; None where nobody knows.

    By the server's own tokenizer where it has one to ask; else by the bytes a token of another request whose tokens the
    server counted; else by BYTES_PER_TOKEN; and where the agent was not run, by the table.

    Args:
        client: a connection to the server.
        model: its name in requests.
        room: the agent's.
        exchange: a request with tools that the server has answered.
    """
    if room.opening is None:
        if room.opening_tokens is None:
            return None
        return OpeningSize(room.opening_tokens, "from the table of agents measured before, because it was not run here")
    size = len(_text(room.opening))
    measured = f"its first request was measured now, {size:,} bytes"
    if counted := _tokenized(client, model, room.opening, size):
        return OpeningSize(counted, f"{measured}, by the server's tokenizer")
    if exchange is not None and isinstance(exchange.request, dict) and (tokens := read_reply(exchange).prompt_tokens):
        rate = len(_text(exchange.request)) / tokens
        if BYTES_PER_TOKEN_MIN <= rate <= BYTES_PER_TOKEN_MAX:
            return OpeningSize(round(size / rate), f"{measured}, at {rate:.1f} a token by the server's own count")
    return OpeningSize(round(size / BYTES_PER_TOKEN), f"{measured}, at {BYTES_PER_TOKEN} a token")


def _tokenized(client: StampedClient, model: str, body: Mapping[str, Any], size: int) -> int | None:
    """What `/tokenize` says of the whole chat, or of its text where that is all it takes."""
    chat = {"model": model, **{key: body[key] for key in ("messages", "tools") if key in body}}
    for request in ([chat] if "messages" in body else []) + [{"content": _text(body).decode("utf-8", "replace")}]:
        exchange = client.request("POST", "/tokenize", request, purpose=PURPOSE)
        if exchange.error or exchange.status != 200:
            continue
        try:
            found = parse_object(exchange.body())
        except UntrustedJsonError:
            continue
        tokens = found.get("tokens")
        count = found.get("count", len(tokens) if isinstance(tokens, list) else None)
        if isinstance(count, int) and BYTES_PER_TOKEN_MIN <= size / max(count, 1) <= BYTES_PER_TOKEN_MAX:
            return count
    return None


def _text(body: Mapping[str, Any]) -> bytes:
    """The instructions, messages and tools of a request, as they are sent; not its settings."""
    kept = {key: body[key] for key in ("system", "instructions", "messages", "input", "tools") if key in body}
    return json.dumps(kept, ensure_ascii=False).encode("utf-8", "replace")
