"""Whether a message of chat completions has the shape that the protocol gives it.

A server that breaks the protocol is named as such: what an agent makes of its reply says nothing of the model.
"""

from collections.abc import Mapping
from typing import Any

CALLS_MAX = 1000
"""No model makes so many calls in one reply; a larger index is a broken server."""


def oddity(payload: Mapping[str, Any]) -> str | None:
    """The first field that is not as the protocol has it, with what it holds; None when all are."""
    odd = _odd(payload)
    return None if odd is None else f"{odd[0]} is not as the protocol has it: {str(odd[1])[:200]}"


Odd = tuple[str, Any] | None
"""(name of a field, what it holds)"""


def _odd(payload: Mapping[str, Any]) -> Odd:
    choices = payload.get("choices")
    if choices is None:
        return None
    if not isinstance(choices, list):
        return "choices", choices
    for choice in choices:
        if isinstance(choice, dict) and (odd := _odd_choice(choice)):
            return odd
    return None


def _odd_choice(choice: Mapping[str, Any]) -> Odd:
    if odd := _no_text(choice, ("text", "finish_reason")):
        return odd
    delta = choice.get("delta") or choice.get("message") or {}
    if not isinstance(delta, dict):
        return "delta", delta
    return _no_text(delta, ("content",)) or _odd_calls(delta.get("tool_calls"))


def _odd_calls(calls: Any) -> Odd:
    if calls is None:
        return None
    if not isinstance(calls, list):
        return "tool_calls", calls
    for call in calls:
        if not isinstance(call, dict):
            return "tool_calls", call
        index, function = call.get("index"), call.get("function") or {}
        if index is not None and not (isinstance(index, int) and 0 <= index <= CALLS_MAX):
            return "tool_calls.index", index
        if not isinstance(function, dict):
            return "tool_calls.function", function
        if odd := _no_text(call, ("id",)) or _no_text(function, ("name", "arguments")):
            return odd
    return None


def _no_text(part: Mapping[str, Any], names: tuple[str, ...]) -> Odd:
    for name in names:
        value = part.get(name)
        if value is not None and not isinstance(value, str):
            return name, value
    return None
