"""What all importers share: a file that is not what it should be is named, a value that is not there is None."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onbox.errors import UsageError
from onbox.evidence.imported import ImportedNumber


def read_json(path: Path) -> Any:
    """The JSON of a file.

    Raises:
        UsageError: it cannot be read or is not JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON: {error}") from error


def not_such(path: Path, kind: str, lacks: str) -> UsageError:
    """The error for a file of another kind."""
    return UsageError(f"{path}: not a file of {kind}: {lacks}", "name the kind that wrote it")


def within(value: Any, *keys: str) -> Any:
    """What lies below these keys; None where anything on the way is missing."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def whole(value: Any) -> int | None:
    """A whole number, also one that was written as text or with a point; None for anything else."""
    found = real(value)
    return int(found) if found is not None and found == int(found) else None


def real(value: Any) -> float | None:
    """A finite number; None for anything else."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < float("inf") else None


def text(value: Any) -> str | None:
    """A text that is not empty."""
    return value if isinstance(value, str) and value else None


def numbers(found: Mapping[str, tuple[Any, str]]) -> tuple[ImportedNumber, ...]:
    """Those of name -> (value, unit) that are there."""
    seen = ((name, real(value), unit) for name, (value, unit) in found.items())
    return tuple(ImportedNumber(name=name, value=value, unit=unit) for name, value, unit in seen if value is not None)
