"""Files that are whole or not there, and the time that stands in them."""

import json
import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from pydantic import BaseModel


REDACTED = b"[redacted]"
SECRET_BYTES_MIN = 8
"""A shorter one, such as the dummy key that an agent of others needs, is a word that may stand anywhere."""
_secrets: set[bytes] = set()


def keep_out(secret: str) -> None:
    """From now on no file that this process writes by these functions holds a secret, whoever said it."""
    in_json = json.dumps(secret)[1:-1]
    # A server's JSON stands in a record as a text, which is JSON again.
    forms = (
        secret,
        in_json,
        json.dumps(in_json)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret, ""),
    )
    _secrets.update(form for text in forms if len(form := text.encode("utf-8", "surrogatepass")) >= SECRET_BYTES_MIN)


def without_secrets(data: bytes) -> bytes:
    """The data with every secret replaced; a server may say the key that it was sent, in any place."""
    for secret in sorted(_secrets, key=len, reverse=True):
        if secret in data:
            data = data.replace(secret, REDACTED)
    return data


def as_json(value: Any, **form: Any) -> str:
    """JSON in ASCII of what may hold half characters, and numbers that are none: those become their names, as texts."""
    try:
        return json.dumps(value, ensure_ascii=True, allow_nan=False, **form)
    except ValueError:
        return json.dumps(_named(value), ensure_ascii=True, allow_nan=False, **form)


def _named(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _named(inner) for key, inner in value.items()}
    return [_named(inner) for inner in value] if isinstance(value, list | tuple) else value


def utc_now() -> str:
    """The wall clock as ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader, or a kill, sees the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(without_secrets(data))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: "BaseModel | dict[str, Any] | list[Any]") -> None:
    """Write a record or plain data as indented JSON, atomically."""
    write_atomic(path, json_bytes(value))


def json_bytes(value: "BaseModel | dict[str, Any] | list[Any]") -> bytes:
    """What `write_json` writes, where it holds no secret."""
    data = value if isinstance(value, (dict, list)) else value.model_dump(mode="json")
    return (as_json(data, indent=2) + "\n").encode()
