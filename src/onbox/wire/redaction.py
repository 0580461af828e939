"""What no evidence may hold: keys. A trial folder is made to be shown to others."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from onbox.secret_forms import Secret, known_secrets

REDACTED = "[redacted]"
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"})
SECRET_FIELD = re.compile(
    r"(?:.*[_-])?(?:api[_-]?key|authorization|access[_-]?token|auth[_-]?token|client[_-]?secret|password)",
    re.IGNORECASE,
)
"""Names of fields and of query parameters whose values are keys."""
_QUERY = re.compile(rf"([?&](?:{SECRET_FIELD.pattern}|key|token)=)[^&#]*", re.IGNORECASE)
SECRET_CHARS_MIN = 8
"""A shorter value, such as the dummy key that an agent of others needs, is a word that may stand anywhere."""


def secrets_of(headers: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The keys that a request's headers carry, longest first, without the scheme before them."""
    values = (value for name, value in headers if name.lower() in SECRET_HEADERS)
    words = {word for value in values for word in (value.strip(), value.strip().rpartition(" ")[2])}
    return tuple(sorted((word for word in words if len(word) >= SECRET_CHARS_MIN), key=len, reverse=True))


def redacted(value: Any, secrets: tuple[str, ...]) -> Any:
    """A JSON value with every known secret, and whatever stands in a field that is named like one, replaced."""
    if isinstance(value, str):
        return redacted_text(value, secrets)
    if isinstance(value, list):
        return [redacted(item, secrets) for item in value]
    if isinstance(value, Mapping):
        return {
            redacted_text(key, secrets): (
                REDACTED if isinstance(item, str) and item and SECRET_FIELD.fullmatch(key) else redacted(item, secrets)
            )
            for key, item in value.items()
        }
    return value


def redacted_text(text: str, secrets: tuple[str, ...]) -> str:
    """A text without the secrets, in whatever form it has them."""
    return redacted_chunks([(0, text)], secrets)[0][1]


def redacted_chunks(chunks: Sequence[tuple[int, str]], secrets: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """Stamped pieces of one text without the secrets and those of this process, also where a read cut one in two.

    What stands in the place of a secret goes to the piece in which the secret began.
    """
    texts = [text for _, text in chunks]
    for secret in (*map(_secret, secrets), *known_secrets()):
        if spans := secret.spans("".join(texts)):
            texts = _without(texts, spans)
    return tuple((t_ns, text) for (t_ns, _), text in zip(chunks, texts, strict=True))


_secret = lru_cache(maxsize=64)(Secret)


def _without(texts: Sequence[str], spans: Sequence[tuple[int, int]]) -> list[str]:
    """Pieces of one text with spans of it replaced; the spans are in order and apart."""
    found, at, number = [], 0, 0
    for text in texts:
        end, kept, place = at + len(text), [], at
        while number < len(spans) and spans[number][0] < end:
            start, stop = spans[number]
            if start >= at:
                kept += [text[place - at : start - at], REDACTED]
            place = min(stop, end)
            if stop > end:
                break
            number += 1
        kept.append(text[max(place, at) - at :])
        found.append("".join(kept))
        at = end
    return found


def redacted_path(path: str, secrets: tuple[str, ...]) -> str:
    """A path whose query names no key."""
    return _QUERY.sub(rf"\g<1>{REDACTED}", redacted_text(path, secrets))
