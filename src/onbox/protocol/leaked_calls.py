"""Tool calls as models spell them in plain text, where a server did not make a call of them.

The patterns are right on shapes recorded from real servers; docs/judging.md names the servers, and
issues that show each shape.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

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


VALUE = re.compile(r"\{(?=\s*\")|\[(?=\s*\{)")
"""Where a JSON object or a list of them begins."""
LOOKED_AT_MAX = 50_000
"""Characters at each end of a text; a call stands there, and of 10 MB of garbage no more need be searched."""


def searched_text(text: str) -> str:
    """A text without the middle that nobody reads."""
    return text if len(text) <= 2 * LOOKED_AT_MAX else f"{text[:LOOKED_AT_MAX]}\n{text[-LOOKED_AT_MAX:]}"


def leaked(text: str, offered: Collection[str]) -> bool:
    """Whether a text holds the marks of a tool call, or a JSON call of an offered tool."""
    text = searched_text(text)
    return bool(HARMONY.search(text) or MARKUP.search(text) or written_call(text, offered))


def complete_call(text: str, offered: Collection[str]) -> str | None:
    """The offered tool that a text calls in a well-formed way, in whichever markup; None when it calls none.

    Args:
        text: what the model wrote, before any parser of a server.
        offered: the names of the tools.
    """
    text = searched_text(text)
    if name := written_call(text, offered):
        return name
    for match in HARMONY_CALL.finditer(text):
        if match[1] in offered and _object_at(text, match.end()) is not None:
            return match[1]
    return next((name for m in XML_CALL.finditer(text) if (name := m[1] or m[2]) in offered), None)


PARAMETER = re.compile(r"<parameter(?:=([\w.-]+)| name=\"([\w.-]+)\")>(.*?)</parameter>", re.DOTALL)
PAIR = re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.DOTALL)
PAIRED_CALL = re.compile(r"<tool_call>\s*([\w.-]+)\s*(?=<arg_key>|</tool_call>)")
MARKED_CALL = re.compile(
    r"(?:<\|tool_call_begin\|>|<｜tool▁call▁begin｜>(?:function<｜tool▁sep｜>)?|\[TOOL_CALLS\]|<\|tool_call>call:)"
    r"\s*(?:functions\.)?([\w-]+).{0,60}?(?=\{)",
    re.DOTALL,
)
"""Kimi, DeepSeek, Mistral, Gemma: a mark, the name, and JSON."""


class WrittenCall(NamedTuple):
    """A call that stands in a text."""

    name: str
    arguments: Mapping[str, Any]
    typed: bool = True
    """False for the XML forms: their values are texts, whatever type the tool wants."""


def calls_in(text: str, offered: Collection[str]) -> list[WrittenCall]:
    """The calls of offered tools that a text holds whole, in whichever markup they are written.

    Args:
        text: what the model wrote, before any parser of a server.
        offered: the names of the tools.
    """
    return [call for call in _calls_in(searched_text(text)) if call.name in offered]


def _calls_in(text: str) -> Iterator[WrittenCall]:
    for pattern in (HARMONY_CALL, MARKED_CALL):
        for match in pattern.finditer(text):
            if isinstance(given := _object_at(text, match.end()), dict):
                yield WrittenCall(match[1], given)
    for match in XML_CALL.finditer(text):
        end = re.compile(r"</function>|</invoke>|<function=|<invoke ").search(text, match.end())
        if end is not None and end[0].startswith("</"):
            parameters = PARAMETER.finditer(text, match.end(), end.start())
            given = {p[1] or p[2]: p[3].removeprefix("\n").removesuffix("\n") for p in parameters}
            yield WrittenCall(match[1] or match[2], given, typed=False)
    for match in PAIRED_CALL.finditer(text):
        close = text.find("</tool_call>", match.end())
        if close >= 0:
            pairs = PAIR.finditer(text, match.end(), close)
            yield WrittenCall(match[1], {p[1].strip(): p[2] for p in pairs}, typed=False)
    yield from _json_calls(text)


def _json_calls(text: str) -> Iterator[WrittenCall]:
    position = 0
    while match := VALUE.search(text, position):
        position = match.start() + 1
        try:
            value, end = json.JSONDecoder().raw_decode(text, match.start())
        except (ValueError, RecursionError):
            continue
        found = [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]
        named = [(name, item) for item in found if (name := _called(item)) is not None]
        if named:
            position = end
        for name, item in named:
            inner = item.get("function")
            holder = inner if isinstance(inner, dict) else item
            given: Any = next((holder[key] for key in ("arguments", "parameters", "input") if key in holder), {})
            if isinstance(given, str):
                given = _object_at(given, 0)
            if isinstance(given, dict):
                yield WrittenCall(name, given)


def written_call(text: str, offered: Collection[str]) -> str | None:
    """The offered tool that a JSON value inside the text calls; JSON that names no offered tool is ordinary text."""
    text = searched_text(text)
    for match in VALUE.finditer(text):
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
