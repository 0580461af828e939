"""Files that are whole or not there, and the time that stands in them."""

import json
import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onbox.secret_forms import without_secrets

if TYPE_CHECKING:
    from pydantic import BaseModel


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


def clean(path: Path) -> None:
    """Take secrets out of a file that another program has written, and writes no more; nothing where there is none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    if without_secrets(data) != data:
        write_atomic(path, data)
