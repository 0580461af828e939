"""Links of the pages: names of files and of contenders stand in them whatever bytes they are made of."""

import os
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote_from_bytes, unquote_to_bytes

from onbox.errors import UsageError

FIELDS_MAX = 64


def as_bytes(text: str) -> bytes:
    """A name as the bytes of its file; what cannot be one is replaced."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def link(path: str, fields: Iterable[tuple[str, object]] = (), /, **more: object) -> str:
    """`path` with a query; a field that is None or empty is left out."""
    pairs = [*fields, *more.items()]
    given = [(name, str(value)) for name, value in pairs if value is not None and value != ""]
    query = "&".join(f"{name}={quote_from_bytes(as_bytes(value), safe='/:')}" for name, value in given)
    return f"{path}?{query}" if query else path


def file_link(at: str, path: str = "") -> str:
    """A link to a file of a trial, or to a folder of it where the path ends so."""
    return f"/files/{quote_from_bytes(as_bytes(at), safe='')}/{quote_from_bytes(as_bytes(path), safe='/')}"


def file_of(raw_path: bytes) -> tuple[str, tuple[str, ...]]:
    """(trial, names of the way down) of a `file_link`; a name is never empty, `.` or `..`.

    Raises:
        UsageError: it is none.
    """
    at, *names = (os.fsdecode(unquote_to_bytes(part)) for part in raw_path.removeprefix(b"/files/").split(b"/"))
    names = names[:-1] if names and not names[-1] else names
    if not at or any(name in ("", ".", "..") or "/" in name or "\0" in name for name in names):
        raise UsageError("there is no such file", "go back to the trial")
    return at, tuple(names)


def fields_of(query: bytes) -> list[tuple[str, str]]:
    """The fields of a query.

    Raises:
        ValueError: there are too many.
    """
    text = query.decode("latin-1")
    return parse_qsl(text, errors="surrogateescape", max_num_fields=FIELDS_MAX)
