"""How model families write a tool call in plain text: the marks that show one, and a few common forms for all.

Sources: the chat templates of the families, and the parsers that servers have for them (docs/judging.md).
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

MARKUP = re.compile(
    r"</?tool_call>|<tool_calls>|<tool_calls?:\w{1,16}>|<function=[\w.-]+>|<function name=[\"']|<parameter=[\w.-]+>"
    r"|<\|tool_call|\[TOOL_CALLS\]|<tool_code>|<function_calls?>|<(?:[a-z]+:)?invoke name=|<\|python_(?:tag|start)\|>"
    r"|<(?:minimax|seed):tool_call>|<atem:function_calls>|<[|｜]DSML[|｜]|<[|｜]tool[▁_]calls?[▁_]begin[|｜]>"
    r"|<longcat_tool_call>|<dots_function_call>|<start_function_call>|<ifm\|tool_calls?>|<TOOLCALL>|<\|tools_prefix\|>"
    r"|<\|START_ACTION\|>|<\|action_start\|>|<\|plamo:begin_tool_|<\|content_invoke_tool_|<\|open\|>\s*(?:tools|call)\b"
    r"|<\|function_call\|>|function call<\|role_sep\|>|<arg_key>"
)
THOUGHTS = (
    "<think>", "</think>", "<thinking>", "</thinking>", "<|channel|>analysis", "[THINK]", "<seed:think>", "<mm:think>",
    "◁think▷", "◁/think▷", "<|START_THINKING|>", "<|channel>thought", "<ifm|think", "<|open|>think", "<think:",
    "<|content_thinking|>", "<|plamo:begin_think:plamo|>", "<|inner_prefix|>",
)  # fmt: skip
"""What opens or closes a thought; a closing mark stands alone where the chat template wrote the opening one."""

_SPELLINGS = (
    (re.compile(re.escape("]<]minimax[>[")), ""),
    (re.compile(r"<(/?)[|｜]DSML[|｜] ?"), r"<\1"),
    (re.compile(r"<(/?)[a-z]+:(?=(?:function_calls|invoke|parameter|tool_call)\b)"), r"<\1"),
    (re.compile(r"<(/?)(?:ifm\||longcat_)(?=tool_call|arg_)"), r"<\1"),
    (re.compile(r"<(/?(?:tool_calls?|tool_sep|arg_key|arg_value)):\w{1,16}>"), r"<\1>"),
    (re.compile(r"<tool_sep>"), "\n"),
    (re.compile(r"<arg_type>[^<]{0,80}</arg_type>"), ""),
    (re.compile(r"<\|plamo:end_tool_name:plamo\|>"), " "),
)
"""Families that write the same form with names of their own: MiniMax M3; DeepSeek V3.2 and 4; MiniMax, Seed, Step;
K2 Horizon and LongCat; Hunyuan, whose tags may end in a word of the checkpoint's own; PLaMo."""


def common_form(text: str) -> str:
    """A text with the names of tags as most families have them."""
    for pattern, instead in _SPELLINGS:
        text = pattern.sub(instead, text)
    return text


# ---------------------------------------------------------------- arguments that are not JSON

_JSON_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
"""One that has no end goes to that of the text, and possessive: else each quote in it is tried as another beginning."""
_GEMMA_STRING = re.compile(rf'<\|"\|>(.*?)<\|"\|>|<escape>(.*?)<escape>|{_JSON_STRING}', re.DOTALL)
_BARE_KEY = re.compile(r"([{,]\s*)([A-Za-z_][\w.-]*)\s*:")


def gemma_object(text: str, start: int) -> tuple[Mapping[str, Any] | None, int]:
    """The arguments of Gemma's calls (keys without quotes, strings between marks), None where there are none, and how
    many characters were read."""
    parts, at, end = [], start, _next_mark(text, start)
    for match in _GEMMA_STRING.finditer(text, start, end):
        parts.append(_BARE_KEY.sub(r'\1"\2":', text[at : match.start()]))
        inner = next((each for each in match.groups() if each is not None), None)
        parts.append(match[0] if inner is None else json.dumps(inner))
        at = match.end()
    parts.append(_BARE_KEY.sub(r'\1"\2":', text[at:end]))
    return _object("".join(parts)), end - start


def _next_mark(text: str, start: int) -> int:
    """Where the next call begins, or the text ends: no call goes further, so that garbage is read once."""
    found = [at for mark in ("<|tool_call>", "<start_function_call>") if (at := text.find(mark, start)) >= 0]
    return min(found, default=len(text))


_PYTHON_TOKEN = re.compile(
    rf"({_JSON_STRING})|'([^'\\]*+(?:\\.[^'\\]*+)*+)(?:'|\\?\Z)"
    r"|\b(True|False|None)\b|\b([A-Za-z_]\w*+)\s*+=(?!=)|(\))",
    re.DOTALL,
)
_PYTHON_CALL = re.compile(r"([A-Za-z_][\w.-]*)\(")
_PYTHON_LISTS = re.compile(
    r"(?:^[^\S\n]*+|(?:<\|python_start\|>|<\|tool_call_start\|>|<\|python_tag\|>|<function_calls>)\s*+)"
    r"(\[\s*+)?(?=[A-Za-z_][\w.-]*+\()",
    re.MULTILINE,
)
_WORDS = {"True": "true", "False": "false", "None": "null"}
PYTHON_CHARS_MAX = 20_000
"""Of one call in the form of Python; a longer one is not read."""
PYTHON_READ_MAX = 200_000
"""Characters read for calls of this form, those that were none included: of garbage no more is read."""


def python_calls(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Calls in the form of Python (`[read(path="a")]`: Llama 4, LFM2, OLMo 3), with named arguments alone.

    A list begins a line or follows a mark; without brackets it stands between marks.
    """
    position, left = 0, PYTHON_READ_MAX
    while left > 0 and (match := _PYTHON_LISTS.search(text, position)):
        position = max(match.end(), position + 1)
        if match[1] is None and "<function_calls>" not in match[0]:
            continue
        at = match.end()
        while call := _PYTHON_CALL.match(text, at):
            given, used = _python_arguments(text[call.end() : call.end() + PYTHON_CHARS_MAX])
            left -= used
            if given is None:
                break
            yield call[1], given
            at = call.end() + used
            while at < len(text) and text[at] in ", \n\t;":
                at += 1
            position = max(position, at)


def _python_arguments(text: str) -> tuple[Mapping[str, Any] | None, int]:
    """Named arguments up to the closing bracket, None where they are no such, and how many characters were read."""
    parts, at = ["{"], 0
    for match in _PYTHON_TOKEN.finditer(text):
        parts.append(text[at : match.start()])
        at = match.end()
        if match[5]:
            return _object("".join([*parts, "}"])), at
        if match[2] is not None:
            inner = match[2].replace("\\'", "'")
            parts.append('"' + re.sub(r'(?<!\\)"', r"\"", inner) + '"')
        elif match[3]:
            parts.append(_WORDS[match[3]])
        else:
            parts.append(match[1] or f'"{match[4]}":')
    return None, len(text)


def _object(text: str) -> Mapping[str, Any] | None:
    try:
        value = json.JSONDecoder(strict=False).raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


# ---------------------------------------------------------------- calls with tags of their own

_K3_CALL = re.compile(r'<\|open\|>\s*call\s+tool="([\w.-]+)"[^<]{0,80}<\|sep\|>')
_K3_ARGUMENT = re.compile(r'<\|open\|>\s*argument\s+key="([^"]+)"[^<]{0,80}<\|sep\|>')
_K3_END = {name: re.compile(rf"<\|close\|>\s*{name}\s*<\|sep\|>") for name in ("call", "argument")}
_BY_NAME = re.compile(r"<\|tools_prefix\|>\s*(?=\[)")


def tagged_calls(text: str) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Calls of Kimi K3 (elements in marks) and Apertus (objects whose one key is the tool), and whether values are
    typed."""
    for name, body in _elements(_K3_CALL, "call", text):
        yield name, dict(_elements(_K3_ARGUMENT, "argument", body)), False
    for match in _BY_NAME.finditer(text):
        try:
            value = json.JSONDecoder(strict=False).raw_decode(text, match.end())[0]
        except (ValueError, RecursionError):
            continue
        for item in value if isinstance(value, list) else []:
            if isinstance(item, dict) and len(item) == 1:
                name, given = next(iter(item.items()))
                if isinstance(given, dict):
                    yield name, given, True


def _elements(opening: re.Pattern[str], name: str, text: str) -> Iterator[tuple[str, str]]:
    """(what the opening mark names, what stands up to the closing one) of elements that are closed before the next."""
    marks = list(opening.finditer(text))
    ends = [match.start() for match in marks[1:]] + [len(text)]
    for match, bound in zip(marks, ends, strict=False):
        if end := _K3_END[name].search(text, match.end(), bound):
            yield match[1], text[match.end() : end.start()]
