"""A request that was refused for what the server itself had said before: its own broken call, sent back in the history.

An agent has to send back what it was told. So a refusal after the first answer is never laid to the agent, unless the
server names a setting of the request that the accepted one did not have.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from onbox.evidence.records import Exchange
from onbox.protocol.call_arguments import cut_at_limit, output_limit
from onbox.protocol.reply import Reply
from onbox.untrusted_json import UntrustedJsonError, parse

CONVERSATION = frozenset({"messages", "input", "prompt", "system", "instructions"})
"""Fields of a request that hold what was said."""
OF_THE_WORDS = re.compile(
    r"messages?\b|assistant|tool_calls?\b|tool calls?\b|function|arguments?\b|history|role\b|template|jinja|JSON|"
    r"Expecting|Unterminated|delimiter|control character|item pairs",
    re.IGNORECASE,
)
"""How servers name the conversation, or the arguments in it."""


def broken_echo(request: Any) -> str:
    """The first call in the history of a request that no server can read, in words; empty where all can be read."""
    for name, arguments, call_id in _echoed(request):
        if isinstance(arguments, str):
            try:
                given = parse(arguments or "{}", any_integer=True)
            except UntrustedJsonError:
                return f"a call of {name or 'no tool'} whose arguments are not JSON: {arguments}"
            if not isinstance(given, Mapping):
                return f"a call of {name or 'no tool'} whose arguments are no JSON object: {arguments}"
        if not name:
            return "a call without the name of a tool"
        if call_id is not None and not call_id:
            return f"a call of {name} without an id"
    return ""


def holds_model_text(request: Any) -> bool:
    """Whether a request holds anything that a model said."""
    return any(_by_model(message) for message in _messages(request))


def names_a_setting(words: str, request: Any, accepted: Any) -> bool:
    """Whether a server refuses a request for a setting that the last request which it took did not have.

    Args:
        words: of the refusal.
        request: that was refused.
        accepted: that was answered before.
    """
    if OF_THE_WORDS.search(words) and not re.search(r"\btools?\[|\btools: ", words):
        return False
    here, there = (each if isinstance(each, dict) else {} for each in (request, accepted))
    other = [name for name in here if name not in CONVERSATION and (name not in there or there[name] != here[name])]
    return any(re.search(rf"\b{re.escape(str(name))}\b", words) for name in other)


def cut_by_limit(request: Any, earlier: Sequence[tuple[Exchange, Reply]]) -> bool:
    """Whether the broken call of a request was cut off because the answer's tokens were over."""
    broken = {
        arguments for _, arguments, _ in _echoed(request) if isinstance(arguments, str) and not _parses(arguments)
    }
    return any(
        call.arguments in broken and cut_at_limit(reply, output_limit(exchange.request))
        for exchange, reply in earlier
        for call in reply.tool_calls
    )


def _parses(arguments: str) -> bool:
    try:
        parse(arguments or "{}", any_integer=True)
    except UntrustedJsonError:
        return False
    return True


def _messages(request: Any) -> list[Any]:
    body = request if isinstance(request, dict) else {}
    found: list[Any] = next((body[name] for name in ("messages", "input") if isinstance(body.get(name), list)), [])
    return [message for message in found if isinstance(message, dict)]


def _by_model(message: Mapping[str, Any]) -> bool:
    return message.get("role") == "assistant" or message.get("type") in (
        "function_call",
        "custom_tool_call",
        "reasoning",
    )


def _echoed(request: Any) -> Iterator[tuple[str, Any, str | None]]:
    """(name, arguments, id or None where the API asks for none) of the calls in a request, whichever API it speaks."""
    for message in _messages(request):
        if message.get("type") == "function_call":
            yield _text(message.get("name")), message.get("arguments"), None
        if message.get("role") != "assistant":
            continue
        if isinstance(single := message.get("function_call"), dict):
            # The older form of the chat API: one call, without an id.
            yield _text(single.get("name")), single.get("arguments"), None
        for call in _list(message.get("tool_calls")):
            inner = call.get("function")
            function = inner if isinstance(inner, dict) else {}
            yield _text(function.get("name")), function.get("arguments"), _text(call.get("id"))
        for block in _list(message.get("content")):
            if block.get("type") == "tool_use":
                yield _text(block.get("name")), block.get("input"), _text(block.get("id"))


def _list(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
