"""Keys in the texts of others, in whatever form they are written there.

A server may repeat the key that it was sent, an engine print its environment, a model put either into a file. On the
way into evidence such a text is JSON, JSON in JSON, HTML, Markdown, CSV, or a part of an address.
"""

import html
import os
import re
import string
from collections.abc import Iterator, Mapping
from functools import cache

REDACTED = b"[redacted]"
SECRET_BYTES_MIN = 8
"""A shorter one, such as the dummy key that an agent of others needs, is a word that may stand anywhere."""
VALUE_CHARS_MIN = 16
"""Of a variable of the environment, which nobody said is a key: shorter ones are words like `disabled`."""
_NAME = re.compile(
    r"(?:^|_)(?:API_?KEY|ACCESS_KEY|SECRET|SECRET_KEY|PRIVATE_KEY|TOKEN|PASSWORD|PASSWD|CREDENTIALS?)(?:_ID)?$",
    re.IGNORECASE,
)
_RUN = re.compile(r"[A-Za-z0-9]+")
_PLAIN = frozenset(string.ascii_letters + string.digits)
_BACKSLASHES_MAX = 64
"""In a row before a character of a key: JSON in JSON doubles them, so these are six levels. A run without a bound would
be looked through again from each of its characters, and a model that loops writes a million."""


class Secret:
    """One key, found in any of its forms.

    Args:
        text: the key.
    """

    def __init__(self, text: str) -> None:
        pattern = "".join(_forms(char, first=not at) for at, char in enumerate(text))
        self._in_text = re.compile(pattern)
        self._in_bytes = re.compile(pattern.encode("utf-8", "surrogatepass"))
        # The pattern is slow, and most data has nothing of the key in it.
        self._sign = max(_RUN.findall(text), key=len, default="")

    def replaced(self, data: bytes) -> bytes:
        """The data without it."""
        if self._sign.encode() in data or b"\\u00" in data:
            return self._in_bytes.sub(REDACTED, data)
        return data

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where it stands in a text, in order and apart."""
        if self._sign in text or "\\u00" in text:
            return [found.span() for found in self._in_text.finditer(text)]
        return []


def _forms(char: str, *, first: bool) -> str:
    """A pattern for one character: as it is, behind the backslashes of JSON and Markdown, or by its number or name.

    The first of a key is looked for at each place of a text, so a run of backslashes is tried from its start alone.
    """
    some = (r"(?<!\\)" if first else "") + rf"\\{{1,{_BACKSLASHES_MAX}}}"
    forms = [
        "".join(f"{some}u{unit:04x}" for unit in _units(char)),
        "".join(f"%{byte:02x}" for byte in char.encode("utf-8", "surrogatepass")),
        f"&#0{{0,8}}{ord(char)};",
        f"&#x0{{0,8}}{ord(char):x};",
    ]
    named = html.escape(char)
    forms += [named] if named != char else []
    forms += ['""'] if char == '"' else []
    written = f"(?i:{'|'.join(forms)})"
    if char == "\\":
        return rf"(?:{written}|{some})"
    if char in _PLAIN:
        return f"(?:{char}|{written})"
    return rf"(?:{some})?(?:{written}|{re.escape(char)})"


def _units(char: str) -> Iterator[int]:
    """The UTF-16 code units of a character, by which JSON names it."""
    data = char.encode("utf-16-be", "surrogatepass")
    return (int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))


def in_environment(variables: Mapping[str, str] = os.environ) -> Iterator[str]:
    """The values of variables that are named like keys, and look like some: no path, no word, no number."""
    for name, value in variables.items():
        if (
            _NAME.search(name)
            and len(value) >= VALUE_CHARS_MIN
            and not value.startswith(("/", "~", "."))
            and not re.search(r"\s", value)
            and re.search(r"[0-9]", value)
            and re.search(r"[A-Za-z]", value)
        ):
            yield value


_secrets: dict[str, Secret] = {}


@cache
def _of_the_environment() -> tuple[Secret, ...]:
    return tuple(map(Secret, sorted(set(in_environment()), key=len, reverse=True)))


def keep_out(secret: str) -> None:
    """From now on no file that this process writes by these functions holds a secret, whoever said it."""
    if len(secret.encode("utf-8", "surrogatepass")) >= SECRET_BYTES_MIN:
        _secrets.setdefault(secret, Secret(secret))


def without_secrets(data: bytes) -> bytes:
    """The data with every secret replaced, in whatever form it is written.

    A server may say the key that it was sent, in any place; and what stands in this process's environment under the
    name of a key may come back by an engine, which has the same.
    """
    for secret in known_secrets():
        data = secret.replaced(data)
    return data


def known_secrets() -> tuple[Secret, ...]:
    """What `keep_out` was told, and what the environment holds, longest first."""
    return (*(_secrets[text] for text in sorted(_secrets, key=len, reverse=True)), *_of_the_environment())
