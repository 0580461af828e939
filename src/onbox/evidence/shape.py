"""Whether a message of chat completions has the shape that the protocol gives it.

A server that breaks the protocol is named as such: what an agent makes of its reply says nothing of the model.
"""

from collections.abc import Iterator, Mapping
from typing import Any

CALLS_MAX = 1000
"""No model makes so many calls in one reply; a larger index is a broken server."""


def oddity(payload: Mapping[str, Any]) -> str | None:
    """The first field that is not as the protocol has it, with what it holds; None when all are."""
    return next((f"{name} is not as the protocol has it: {str(value)[:200]}" for name, value in _odd(payload)), None)


def _odd(payload: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    choices = payload.get("choices")
    yield from _unless(choices is None or isinstance(choices, list), "choices", choices)
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, dict):
            continue
        yield from _texts(choice, ("text", "finish_reason"))
        delta = choice.get("delta") or choice.get("message") or {}
        yield from _unless(isinstance(delta, dict), "delta", delta)
        if isinstance(delta, dict):
            yield from _texts(delta, ("content",))
            yield from _odd_calls(delta.get("tool_calls"))


def _odd_calls(calls: Any) -> Iterator[tuple[str, Any]]:
    yield from _unless(calls is None or isinstance(calls, list), "tool_calls", calls)
    for call in calls if isinstance(calls, list) else ():
        yield from _unless(isinstance(call, dict), "tool_calls", call)
        if not isinstance(call, dict):
            continue
        index, function = call.get("index"), call.get("function") or {}
        yield from _unless(
            index is None or (isinstance(index, int) and 0 <= index <= CALLS_MAX), "tool_calls.index", index
        )
        yield from _unless(isinstance(function, dict), "tool_calls.function", function)
        yield from _texts(call, ("id",))
        if isinstance(function, dict):
            yield from _texts(function, ("name", "arguments"))


def _texts(part: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name in names:
        value = part.get(name)
        yield from _unless(value is None or isinstance(value, str), name, value)


def _unless(good: bool, name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not good:
        yield name, value
