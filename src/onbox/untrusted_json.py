"""JSON that somebody else wrote: a server, a model, an agent. What cannot be worked with is a ValueError, never more.

`json.loads` alone lets through what breaks its callers later: nesting that no recursion survives, NaN and Infinity,
which are no JSON, and integers that no float can hold.
"""

import json
import math
import re
from typing import Any

from pydantic_core import from_json

DEPTH_MAX = 100
"""Levels of nesting; tool schemas, the deepest that servers and agents send, have about ten."""
INTEGER_MAX = 2**63
"""Beyond it a count is none."""
VALUES_MAX = 2_000_000
"""In one document: an empty list is three bytes, and sixty in memory."""
_TEXT = r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
"""A text of a document, or what is there of one that has no end; possessive, so that it takes time in proportion."""
_TEXTS = re.compile(_TEXT, re.DOTALL)
_TEXTS_IN_BYTES = re.compile(_TEXT.encode(), re.DOTALL)
_PART = rf'(?:[^"]*+{_TEXT}){{1,10000}}+'
"""Some texts and what is before each: all of them at once would be millions of pieces."""
_PARTS = re.compile(_PART, re.DOTALL)
_PARTS_IN_BYTES = re.compile(_PART.encode(), re.DOTALL)


class UntrustedJsonError(ValueError):
    """It is no JSON, or none that can be worked with; the message says why."""


def parse(text: str | bytes, *, any_integer: bool = False) -> Any:
    """Parse a JSON document.

    Args:
        text: bytes are UTF-8.
        any_integer: integers of any length are values, as in what a model wrote; else one beyond 64 bits is refused.

    Raises:
        UntrustedJsonError: it is no JSON, deeper than `DEPTH_MAX`, has more than some `VALUES_MAX` values, or holds a
            number that is none.
    """
    if len(text) > VALUES_MAX and _separators(text) > VALUES_MAX:
        raise UntrustedJsonError(f"more than {VALUES_MAX:,} values")
    try:
        value = from_json(text, allow_inf_nan=False)
    except (ValueError, TypeError):  # The latter of half characters.
        value = None
    # Most texts are plain, and take half of the time this way; all others are read, or refused, with care.
    if value is not None and _is_plain(value, DEPTH_MAX):
        return value
    return _parse_carefully(text, any_integer)


def _separators(text: str | bytes) -> int:
    """No fewer than the values inside of the outermost, counted until they are too many. What a model wrote is text,
    however many commas it has."""
    if _count(text, ",:[{") <= VALUES_MAX:
        return 0
    count, at = 0, 0
    while at < len(text) and count <= VALUES_MAX:
        part = _PARTS_IN_BYTES.match(text, at) if isinstance(text, bytes) else _PARTS.match(text, at)
        end = part.end() if part else len(text)
        inside = text[at:end]
        outside = _TEXTS_IN_BYTES.sub(b"", inside) if isinstance(inside, bytes) else _TEXTS.sub("", inside)
        count, at = count + _count(outside, ",:[{"), end
    return count


def _count(text: str | bytes, chars: str) -> int:
    return sum(text.count(char.encode()) if isinstance(text, bytes) else text.count(char) for char in chars)


def _is_plain(value: Any, levels: int) -> bool:
    """Whether a value holds no number that is none, and no more levels than these."""
    kind = type(value)
    if kind is dict:
        inside = value.values()
    elif kind is list:
        inside = value
    else:
        return _is_number_or_text(kind, value)
    if not levels:
        return False
    for inner in inside:
        kind = type(inner)
        if kind is dict or kind is list:
            if (inner or levels == 1) and not _is_plain(inner, levels - 1):
                return False
        elif kind is not str and inner is not None and not _is_number_or_text(kind, inner):
            return False
    return True


def _is_number_or_text(kind: type, value: Any) -> bool:
    if kind is int:
        return -INTEGER_MAX <= int(value) <= INTEGER_MAX
    return kind is not float or math.isfinite(value)


def _parse_carefully(text: str | bytes, any_integer: bool) -> Any:
    try:
        value = (_ANY_INTEGER if any_integer else _STRICT).decode(_as_text(text))
    except RecursionError as error:
        raise UntrustedJsonError(f"nested deeper than {DEPTH_MAX} levels") from error
    except UntrustedJsonError:
        raise
    except ValueError as error:
        raise UntrustedJsonError(str(error)) from error
    opened = _count(text, "[{")
    if opened > DEPTH_MAX and _too_deep(value):
        raise UntrustedJsonError(f"nested deeper than {DEPTH_MAX} levels")
    return value


def parse_object(text: str | bytes, *, any_integer: bool = False) -> dict[str, Any]:
    """Parse a JSON object; see `parse`.

    Raises:
        UntrustedJsonError: it is something else.
    """
    value = parse(text, any_integer=any_integer)
    if not isinstance(value, dict):
        raise UntrustedJsonError(f"not a JSON object but {type(value).__name__}")
    return value


def _constant(name: str) -> Any:
    raise UntrustedJsonError(f"{name} is not JSON")


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise UntrustedJsonError(f"{digits[:20]} is beyond all numbers")
    return value


def _integer(digits: str) -> int:
    value = int(digits)
    if not -INTEGER_MAX <= value <= INTEGER_MAX:
        raise UntrustedJsonError(f"an integer of {len(digits)} digits")
    return value


_STRICT = json.JSONDecoder(parse_constant=_constant, parse_float=_float, parse_int=_integer)
_ANY_INTEGER = json.JSONDecoder(parse_constant=_constant, parse_float=_float)


def _as_text(text: str | bytes) -> str:
    """As `json.loads` reads bytes, without making a decoder for each text."""
    return text if isinstance(text, str) else text.decode(json.detect_encoding(text), "surrogatepass")


def _too_deep(value: Any) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEPTH_MAX):
        inside = (inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer))
        level = [inner for inner in inside if isinstance(inner, dict | list)]
        if not level:
            return False
    return True
