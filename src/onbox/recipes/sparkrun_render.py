"""How sparkrun fills the template of a command, rule for rule (0.4.2, `core/recipe.py`, `utils/text.py`).

A placeholder is a name in single braces. Doubled braces are one literal brace, in a text that has a doubled opening one
anywhere. A placeholder without a value stays as it is. What is filled in may hold placeholders again.
"""

import re
from collections.abc import Mapping
from typing import Any

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
MAX_PASSES = 10
OPEN, CLOSE = "\x00", "\x01"
"""What literal braces are hidden as: no YAML text holds them."""
ENVIRONMENT = re.compile(r"(?<![${])\{(config|launch)\.([A-Za-z_]\w*)\}")
"""In the values of `env` sparkrun fills these alone."""
OF_ONE_NODE = {"num_nodes": "1", "node_rank": "0"}
"""What `{launch.NAME}` is on one box; the others are known to sparkrun alone."""


def uses_escapes(text: str) -> bool:
    """Whether doubled braces stand for single ones in this text."""
    return "{{" in text


def collapsed(value: Any) -> Any:
    """A default as sparkrun takes it: doubled braces become single ones, in texts that use them."""
    if not isinstance(value, str) or not uses_escapes(value):
        return value
    return value.replace("{{", "{").replace("}}", "}")


def rendered(template: str, values: Mapping[str, Any]) -> str:
    """The template with its placeholders filled, and what is filled in with its own."""
    text = _masked(template, escapes=uses_escapes(template))
    for _ in range(MAX_PASSES):
        filled = re.sub(r"\{(.*?)\}", lambda match: _value(match, values), text)
        if filled == text:
            break
        text = filled
    return text.replace(OPEN, "{").replace(CLOSE, "}")


def unfilled(text: str) -> list[str]:
    """Names of placeholders that a rendered text still has; braces of JSON are none."""
    return [name for name in PLACEHOLDER.findall(text) if re.fullmatch(r"[A-Za-z_][\w.]*", name)]


def environment_value(text: str, values: Mapping[str, Any]) -> str:
    """A value of `env`: `{config.NAME}` and `{launch.NAME}` are filled, everything else stays.

    Raises:
        KeyError: nobody here knows the value.
    """

    def fill(match: re.Match[str]) -> str:
        known: Any = values.get(match[2]) if match[1] == "config" else OF_ONE_NODE.get(match[2])
        if known is None:
            raise KeyError(match[0])
        return str(known)

    return ENVIRONMENT.sub(fill, text)


def _value(match: re.Match[str], values: Mapping[str, Any]) -> str:
    value = values.get(match[0].strip("}{"))
    return match[0] if value is None else str(value)


def _masked(text: str, *, escapes: bool) -> str:
    """Braces that are no placeholder's, hidden, so that none is taken for the beginning of one."""
    found: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        doubled = char in "{}" and text.startswith(char * 2, at)
        if doubled:
            found.append((OPEN if char == "{" else CLOSE) * (1 if escapes else 2))
            at += 2
            continue
        placeholder = PLACEHOLDER.match(text, at) if char == "{" else None
        if placeholder:
            found.append(placeholder[0])
            at = placeholder.end()
            continue
        found.append(OPEN if char == "{" else CLOSE if char == "}" else char)
        at += 1
    return "".join(found)
