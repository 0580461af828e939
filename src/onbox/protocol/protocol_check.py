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
    for name in ("text", "finish_reason"):
        value = choice.get(name)
        if value is not None and not isinstance(value, str):
            return name, value
    delta = choice.get("delta") or choice.get("message")
    if not delta:
        return None
    if not isinstance(delta, dict):
        return "delta", delta
    content, calls = delta.get("content"), delta.get("tool_calls")
    if content is not None and not isinstance(content, str):
        return "content", content
    if calls is None and delta.get("function_call"):
        return "function_call, in the place of tool_calls,", delta["function_call"]
    return None if calls is None else _odd_calls(calls)


def _odd_calls(calls: Any) -> Odd:
    if not isinstance(calls, list):
        return "tool_calls", calls
    for call in calls:
        if not isinstance(call, dict):
            return "tool_calls", call
        index, function, call_id = call.get("index"), call.get("function") or {}, call.get("id")
        if index is not None and not (isinstance(index, int) and 0 <= index <= CALLS_MAX):
            return "tool_calls.index", index
        if not isinstance(function, dict):
            return "tool_calls.function", function
        if call_id is not None and not isinstance(call_id, str):
            return "id", call_id
        for name in ("name", "arguments"):
            value = function.get(name)
            if value is not None and not isinstance(value, str):
                return name, value
    return None
