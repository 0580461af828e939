"""Tool calls as models spell them in plain text, where a server did not make a call of them.

The patterns are right on shapes recorded from vLLM, llama.cpp, SGLang and gpt-oss servers; docs/judging.md names issues
that show each shape.
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

HARMONY = re.compile(
    r"<\|(?:channel|start|message|call|constrain|return|end)\|>"
    r"|(?:^|\s)(?:assistant)?(?:commentary|analysis)\s+to=(?:functions|repo_browser|container|browser|python)[\w.]*"
    r"|to=functions\.[\w-]+"
)
MARKUP = re.compile(
    r"<tool_call>|</tool_call>|<function=[\w.-]+>|<parameter=[\w.-]+>|<\|tool_call|\[TOOL_CALLS\]|<tool_code>"
    r"|<function_calls>|<invoke name=|<\|python_tag\|>|<minimax:tool_call>|<｜tool▁calls▁begin｜>"
)
HARMONY_CALL = re.compile(r"to=(?:functions\.)?([\w-]+).{0,80}?(?=\{)", re.DOTALL)
XML_CALL = re.compile(r"<function=([\w.-]+)>|<invoke name=\"([\w.-]+)\"")


def leaked(text: str, offered: Collection[str]) -> bool:
    """Whether a text holds the marks of a tool call, or a JSON call of an offered tool."""
    return bool(HARMONY.search(text) or MARKUP.search(text) or written_call(text, offered))


def whole_call(text: str, offered: Collection[str]) -> str | None:
    """The offered tool that a text calls in a well-formed way, in whichever markup; None when it calls none.

    Args:
        text: what the model wrote, before any parser of a server.
        offered: the names of the tools.
    """
    if name := written_call(text, offered):
        return name
    for match in HARMONY_CALL.finditer(text):
        if match[1] in offered and _object_at(text, match.end()) is not None:
            return match[1]
    return next((name for m in XML_CALL.finditer(text) if (name := m[1] or m[2]) in offered), None)


def written_call(text: str, offered: Collection[str]) -> str | None:
    """The offered tool that a JSON value inside the text calls; JSON that names no offered tool is ordinary text."""
    for match in re.finditer(r"[\[{]", text):
        value = _object_at(text, match.start())
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and (name := _called(item)) in offered:
                return name
    return None


def _object_at(text: str, start: int) -> Any:
    """The JSON value that begins there; None when there is none."""
    try:
        return json.JSONDecoder().raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        return None


def _called(item: Mapping[str, Any]) -> str | None:
    function = item.get("function")
    nested = function.get("name") if isinstance(function, dict) else function
    names = (item.get("name"), item.get("tool_name"), item.get("tool"), nested)
    return next((name for name in names if isinstance(name, str)), None)
