"""Tool calls as models spell them in plain text, where a server did not make a call of them.

The patterns are right on shapes recorded from real servers; docs/judging.md names the servers, and
issues that show each shape.
"""

import json
import re
from bisect import bisect_left
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
FORM_READ_MAX = 200_000
"""Characters read for the calls of one form: calls that do not overlap have less."""
JSON_READ_MAX = 2_000_000
"""Characters read for JSON values: what is inside of twenty others is read twenty times."""
DEEP_CHARS = 5_000
"""Counted for a value nested too deep: the parser gives up after some thousand levels, and does not say where."""
TAIL_AGE_MAX_CHARS = 4096
_DECODER = json.JSONDecoder()
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


PARAMETER = re.compile(r"<param(?:eter)?(?:=([\w.-]+)| name=[\"']?([\w.-]+)[\"']?[^<>]{0,80})>")
PARAMETER_END = re.compile(r"</param(?:eter)?>")
ELEMENT = re.compile(r"<([A-Za-z_][\w.-]*)>")
ELEMENT_END = re.compile(r"</([A-Za-z_][\w.-]*)>")
XML_END = re.compile(r"</function>|</invoke>|<function[= ]|<invoke ")
BETWEEN_PAIR = re.compile(r"</arg_key>\s*<arg_value>")
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
        values, left = _JsonValues(text), FORM_READ_MAX
        for match in pattern.finditer(text):
            given = values.at(match.end())[0]
            if given is None and "call:" in match[0] and left > 0:
                given, used = gemma_object(text, match.end())
                left -= used
            if isinstance(given, dict):
                yield WrittenCall(match[1], given)
    for match in XML_CALL.finditer(text):
        end = XML_END.search(text, match.end())
        if end is not None and end[0].startswith("</"):
            yield _xml_call(match[1] or match[2], text[match.end() : end.start()])
    left = FORM_READ_MAX
    for match in PAIRED_CALL.finditer(text):
        close = text.find("</tool_call>", match.end())
        left -= close - match.end()
        if close < 0 or left < 0:
            break
        yield WrittenCall(match[1], dict(_pairs(text, match.end(), close)), typed=False)
    for name, given, typed in tagged_calls(text):
        yield WrittenCall(name, given, typed)
    for name, given in python_calls(text):
        yield WrittenCall(name, given)
    yield from _json_calls(text)


def _xml_call(name: str, body: str) -> WrittenCall:
    """A call by its element: parameters in elements, in elements of their own names, or all of them as JSON."""
    if body.lstrip().startswith("{") and isinstance(given := _JsonValues(body.lstrip()).at(0)[0], dict):
        return WrittenCall(name, given)
    parameters = dict(_parameters(body)) or dict(_elements(body))
    texts = {key: value.removeprefix("\n").removesuffix("\n") for key, value in parameters.items()}
    return WrittenCall(name, texts, typed=False)


def _parameters(body: str) -> Iterator[tuple[str, str]]:
    """(name, value) of parameters, each up to the next closing tag; where none comes, there is none for later ones."""
    position = 0
    while (opening := PARAMETER.search(body, position)) and (end := PARAMETER_END.search(body, opening.end())):
        yield opening[1] or opening[2], body[opening.end() : end.start()]
        position = end.end()


def _elements(body: str) -> Iterator[tuple[str, str]]:
    """(name, what is inside) of elements that are closed, those inside of others left out."""
    ends: dict[str, list[re.Match[str]]] = {}
    for end in ELEMENT_END.finditer(body):
        ends.setdefault(end[1], []).append(end)
    position = 0
    for opening in ELEMENT.finditer(body):
        of_name = ends.get(opening[1], [])
        at = bisect_left(of_name, opening.end(), key=re.Match.start)
        if opening.start() >= position and at < len(of_name):
            yield opening[1], body[opening.end() : of_name[at].start()]
            position = of_name[at].end()


def _pairs(text: str, start: int, bound: int) -> Iterator[tuple[str, str]]:
    """(key, value) of what stands in elements of these names between two places."""
    while (opening := text.find("<arg_key>", start, bound)) >= 0:
        key = opening + len("<arg_key>")
        between = BETWEEN_PAIR.search(text, key, bound)
        start = text.find("</arg_value>", between.end(), bound) if between else -1
        if between is None or start < 0:
            return
        yield text[key : between.start()].strip(), text[between.end() : start]


def _json_calls(text: str) -> Iterator[WrittenCall]:
    position, values = 0, _JsonValues(text)
    while match := VALUE.search(text, position):
        position = match.start() + 1
        value, end = values.at(match.start())
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
                given = _JsonValues(given).at(0)[0]
            if isinstance(given, dict):
                yield WrittenCall(name, given)


def written_call(text: str, offered: Collection[str]) -> str | None:
    """The offered tool that a JSON value inside the text calls; JSON that names no offered tool is ordinary text."""
    text = searched_text(text)
    values = _JsonValues(text)
    for match in VALUE.finditer(text):
        value = values.at(match.start())[0]
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and (name := _called(item)) in offered:
                return name
    return None


class _JsonValues:
    """The JSON values of one text; so much is read for all of them together, however they are nested."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._left = JSON_READ_MAX
        self._tail, self._tail_start = text, 0

    def at(self, start: int) -> tuple[Any, int]:
        """The value that begins there, and where it ends; None when there is none."""
        if self._left <= 0:
            return None, start
        if start - self._tail_start > TAIL_AGE_MAX_CHARS:  # An error counts the lines before it, from the tail's start.
            self._tail, self._tail_start = self._text[start:], start
        begun = start - self._tail_start
        value, end = None, begun
        try:
            value, end = _DECODER.raw_decode(self._tail, begun)
        except json.JSONDecodeError as error:
            self._left -= error.pos - begun
        except (ValueError, RecursionError):
            self._left -= DEEP_CHARS
        self._left -= end - begun
        return value, end + self._tail_start


def _called(item: Mapping[str, Any]) -> str | None:
    function = item.get("function")
    nested = function.get("name") if isinstance(function, dict) else function
    names = (item.get("name"), item.get("tool_name"), item.get("tool"), nested)
    return next((name for name in names if isinstance(name, str)), None)
