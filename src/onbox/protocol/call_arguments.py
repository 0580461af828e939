"""Can a call be carried out as it came: a tool that was offered, and arguments that fit it?

What is found here says nothing of who broke a call: the model that wrote it, or the server that parsed it.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from onbox.protocol.call_forms import MARKUP
from onbox.protocol.leaked_calls import HARMONY
from onbox.protocol.reply import Reply, ToolCall
from onbox.protocol.tool_schemas import FREE_TEXT
from onbox.untrusted_json import UntrustedJsonError, parse

JSON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


class CallFault(StrEnum):
    """What is wrong with a call."""

    NOT_JSON = "its arguments are not JSON"
    NO_OBJECT = "its arguments are no JSON object"
    UNKNOWN_TOOL = "no such tool was offered"
    MISSING = "an argument that the tool needs is missing"
    MISTYPED = "an argument has another type than the tool says"
    MARKUP = "marks of the model's own format stand in it"

    @property
    def unusable(self) -> bool:
        """Whether no harness could carry it out; with other faults some do."""
        return self not in (CallFault.MISTYPED, CallFault.MARKUP)


def fault_of_call(
    name: str, arguments: str | Mapping[str, Any], offered: Mapping[str, Mapping[str, Any]]
) -> CallFault | None:
    """The first fault of a call; None for one that fits.

    Args:
        name: of the tool.
        arguments: as JSON text, or parsed already.
        offered: name of a tool -> JSON schema of its arguments.
    """
    schema = offered.get(name)
    if schema is not None and schema == FREE_TEXT:
        return None
    given: Any = arguments
    if isinstance(arguments, str):
        try:
            given = parse(arguments or "{}", any_integer=True)
        except UntrustedJsonError:
            return CallFault.NOT_JSON
    if schema is None:
        return CallFault.UNKNOWN_TOOL
    if not isinstance(given, Mapping):
        return CallFault.NO_OBJECT
    required = schema.get("required")
    if any(name not in given for name in (required if isinstance(required, list) else ())):
        return CallFault.MISSING
    properties = schema.get("properties")
    known = properties if isinstance(properties, Mapping) else {}
    if any(not _typed(value, known.get(name)) for name, value in given.items()):
        return CallFault.MISTYPED
    marked = any(HARMONY.search(text) or MARKUP.search(text) for text in given.values() if isinstance(text, str))
    return CallFault.MARKUP if marked else None


def faults_of(reply: Reply, offered: Mapping[str, Mapping[str, Any]]) -> list[CallFault | None]:
    """The fault of each call of a reply."""
    return [fault_of_call(call.name, call.arguments, offered) for call in reply.tool_calls]


def broken_calls(reply: Reply, offered: Mapping[str, Mapping[str, Any]]) -> list[ToolCall]:
    """The calls of a reply that cannot be carried out as they came."""
    pairs = zip(reply.tool_calls, faults_of(reply, offered), strict=True)
    return [call for call, fault in pairs if fault is not None and fault.unusable]


def output_limit(request: Any) -> int | None:
    """The output that a request allows, whichever API it speaks."""
    body = request if isinstance(request, dict) else {}
    limits = (body.get(name) for name in ("max_completion_tokens", "max_tokens", "max_output_tokens"))
    return next((limit for limit in limits if type(limit) is int and limit > 0), None)


def cut_at_limit(reply: Reply, limit: int | None) -> bool:
    """Whether a reply ended because its tokens were over; also of a call, which some servers end in `tool_calls`."""
    tokens = reply.completion_tokens
    return reply.finish_reason == "length" or (limit is not None and tokens is not None and tokens >= limit)


def _typed(value: Any, schema: Any) -> bool:
    """Whether a value has the type that a schema states; a schema that states none, or several ways, takes any."""
    kinds = schema.get("type") if isinstance(schema, Mapping) else None
    named: Sequence[Any] = kinds if isinstance(kinds, list) else [kinds]
    if not named or any(kind not in JSON_TYPES for kind in named if isinstance(kind, str)) or None in named:
        return True
    types = tuple(each for kind in named if isinstance(kind, str) for each in JSON_TYPES[kind])
    if isinstance(value, bool):
        return bool in types
    whole = isinstance(value, float) and value.is_integer() and int in types
    return isinstance(value, types) or whole
