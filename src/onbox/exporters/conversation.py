"""What agent and model said in a run, from the wire: the same form for every agent and every API."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from onbox.evidence.records import Exchange
from onbox.evidence.replies import read_reply
from onbox.protocol.reply import Reply

INSTRUCTIONS = ("system", "developer")


@dataclass(frozen=True)
class Turn:
    """One request of the agent and what came back.

    Args:
        exchange: as it was recorded.
        reply: what it holds.
        results: what the agent's tools answered to the reply's calls, by the id of the call; from the next request.
    """

    exchange: Exchange
    reply: Reply
    results: dict[str, str]


@dataclass(frozen=True)
class ExportedConversation:
    """A run, as it went over the wire.

    Args:
        system: the agent's instructions.
        task: what the user asked.
        turns: in order.
    """

    system: str
    task: str
    turns: tuple[Turn, ...]


def conversation(exchanges: Sequence[Exchange]) -> ExportedConversation:
    """The conversation of an agent's run; its side requests are left out."""
    requests = [each for each in exchanges if each.purpose == "agent"]
    following = [dict(_results(each.request)) for each in requests[1:]] + [{}]
    turns = []
    for exchange, later in zip(requests, following, strict=False):
        reply = read_reply(exchange)
        turns.append(Turn(exchange, reply, {call.id: later[call.id] for call in reply.tool_calls if call.id in later}))
    first = requests[0].request if requests and isinstance(requests[0].request, dict) else {}
    messages = list(_messages(first))
    system = [str(first[name]) for name in ("instructions",) if first.get(name)] + [_text(first.get("system"))]
    system += [text for role, text in messages if role in INSTRUCTIONS]
    task = next((text for role, text in reversed(messages) if role == "user" and text), "")
    return ExportedConversation("\n\n".join(filter(None, system)), task, tuple(turns))


def _messages(request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(role, text) of a request: `messages` of chat completions and /messages, `input` of /responses."""
    if isinstance(request.get("input"), str):
        yield "user", request["input"]
    for message in _list(request.get("messages")) + _list(request.get("input")):
        if isinstance(message, dict) and isinstance(message.get("role"), str):
            yield message["role"], _text(message.get("content"))


def _results(request: Any) -> Iterator[tuple[str, str]]:
    """(id of the call, text) of every tool result in a request."""
    body = request if isinstance(request, dict) else {}
    for item in _list(body.get("messages")) + _list(body.get("input")):
        if not isinstance(item, dict):
            continue
        if item.get("role") == "tool":
            yield str(item.get("tool_call_id")), _text(item.get("content"))
        elif item.get("type") == "function_call_output":
            yield str(item.get("call_id")), _text(item.get("output"))
        for block in _list(item.get("content")):
            if isinstance(block, dict) and block.get("type") == "tool_result":
                yield str(block.get("tool_use_id")), _text(block.get("content"))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "".join(str(part.get("text") or "") for part in _list(value) if isinstance(part, dict))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
