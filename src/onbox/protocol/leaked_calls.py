"""Tool calls as models spell them in plain text, where a server did not make a call of them.

The patterns are right on shapes recorded from real servers; docs/judging.md names the servers, and
issues that show each shape.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from onbox.protocol.call_forms import MARKUP, common_form, gemma_object, python_calls, tagged_calls

HARMONY = re.compile(
    r"<\|(?:channel|start|message|call|constrain|return|end)\|>"
    r"|(?:^|\s)(?:assistant)?(?:commentary|analysis)\s+to=(?:functions|repo_browser|container|browser|python)[\w.]*"
    r"|to=functions\.[\w-]+"
)
HARMONY_CALL = re.compile(r"to=(?:functions\.)?([\w-]+).{0,80}?(?=\{)", re.DOTALL)
XML_CALL = re.compile(r"<function=([\w.-]+)>|<(?:invoke|function) name=[\"']?([\w.-]+)[\"']?[^<>]{0,80}>")


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
    marked = HARMONY.search(text) or MARKUP.search(text)
    return bool(marked or written_call(text, offered) or any(name in offered for name, _ in python_calls(text)))


def complete_call(text: str, offered: Collection[str]) -> str | None:
    """The offered tool that a text calls in a well-formed way, in whichever markup; None when it calls none.

    Args:
        text: what the model wrote, before any parser of a server.
        offered: the names of the tools.
    """
    text = searched_text(text)
    if name := written_call(text, offered):
        return name
    if calls := calls_in(text, offered):
        return calls[0].name
    return next((name for m in XML_CALL.finditer(common_form(text)) if (name := m[1] or m[2]) in offered), None)


PARAMETER = re.compile(
    r"<param(?:eter)?(?:=([\w.-]+)| name=[\"']?([\w.-]+)[\"']?[^<>]{0,80})>(.*?)</param(?:eter)?>", re.DOTALL
)
ELEMENT = re.compile(r"<([A-Za-z_][\w.-]*)>(.*?)</\1>", re.DOTALL)
XML_END = re.compile(r"</function>|</invoke>|<function[= ]|<invoke ")
PAIR = re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.DOTALL)
PAIRED_CALL = re.compile(r"<tool_call>\s*([\w.-]+)\s*(?=<arg_key>|</tool_call>)")
MARKED_CALL = re.compile(
    r"(?:<\|tool_call_begin\|>|<｜tool▁call▁begin｜>(?:function<｜tool▁sep｜>)?|\[TOOL_CALLS\]|<\|tool_call>(?:call)?:"
    r"|<start_function_call>call:|<\|plamo:begin_tool_name:plamo\|>)"
    r"\s*(?:functions\.)?([\w-]+).{0,100}?(?=\{)",
    re.DOTALL,
)
"""Kimi, DeepSeek, Mistral, Gemma, PLaMo: a mark, the name, and JSON, or what is one but for Gemma's own quotes."""


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
    return [call for call in _calls_in(common_form(searched_text(text))) if call.name in offered]


def _calls_in(text: str) -> Iterator[WrittenCall]:
    for pattern in (HARMONY_CALL, MARKED_CALL):
        for match in pattern.finditer(text):
            given = _object_at(text, match.end())
            given = gemma_object(text, match.end()) if given is None and "call:" in match[0] else given
            if isinstance(given, dict):
                yield WrittenCall(match[1], given)
    for match in XML_CALL.finditer(text):
        end = XML_END.search(text, match.end())
        if end is not None and end[0].startswith("</"):
            yield _xml_call(match[1] or match[2], text[match.end() : end.start()])
    for match in PAIRED_CALL.finditer(text):
        close = text.find("</tool_call>", match.end())
        if close >= 0:
            pairs = PAIR.finditer(text, match.end(), close)
            yield WrittenCall(match[1], {p[1].strip(): p[2] for p in pairs}, typed=False)
    for name, given, typed in tagged_calls(text):
        yield WrittenCall(name, given, typed)
    for name, given in python_calls(text):
        yield WrittenCall(name, given)
    yield from _json_calls(text)


def _xml_call(name: str, body: str) -> WrittenCall:
    """A call by its element: parameters in elements, in elements of their own names, or all of them as JSON."""
    if body.lstrip().startswith("{") and isinstance(given := _object_at(body.lstrip(), 0), dict):
        return WrittenCall(name, given)
    parameters = {p[1] or p[2]: p[3] for p in PARAMETER.finditer(body)}
    parameters = parameters or {p[1]: p[2] for p in ELEMENT.finditer(body)}
    texts = {key: value.removeprefix("\n").removesuffix("\n") for key, value in parameters.items()}
    return WrittenCall(name, texts, typed=False)


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
            given: Any = next(
                (holder[key] for key in ("arguments", "parameters", "input", "args") if key in holder), {}
            )
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
