"""The tools that a request offers to the model."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

FREE_TEXT: Mapping[str, Any] = MappingProxyType({"type": "string"})
"""In the place of a schema, for a tool of /responses that takes a text as it is (`"type": "custom"`)."""


def offered_tools(request: Any) -> dict[str, Mapping[str, Any]]:
    """The functions that a request offers, whichever API it speaks: name -> JSON schema of the arguments.

    Chat completions nest the function, /responses and Anthropic's /messages do not; Codex puts some into namespaces.
    """
    tools = request.get("tools") if isinstance(request, dict) else None
    found: dict[str, Mapping[str, Any]] = {}
    for tool in tools if isinstance(tools, list) else []:
        if not isinstance(tool, dict):
            continue
        if tool.get("type") == "namespace":
            found |= offered_tools(tool)
            continue
        function = tool.get("function", tool)
        if isinstance(function, dict) and isinstance(name := function.get("name"), str):
            if tool.get("type") == "custom":
                found[name] = FREE_TEXT
                continue
            schema = function.get("parameters") or function.get("input_schema")
            found[name] = schema if isinstance(schema, dict) else {}
    return found
