"""What all importers share: files of any form as records, and values that are None where they are not there."""

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onbox.errors import UsageError
from onbox.evidence.imported import ImportedNumber
from onbox.input_files import RECORDS_BYTES_MAX, input_bytes, input_text

_READ = "JSON, JSON lines, CSV and tables of Markdown are read"


@dataclass(frozen=True)
class ParsedFile:
    """A file, parsed.

    Args:
        path: of the file.
        form: `json`, `jsonl`, `csv` or `md`.
        records: the objects in it: one for a JSON object, each element of a list, each line, each row of a table.
    """

    path: Path
    form: str
    records: tuple[Any, ...]

    @property
    def first(self) -> Any:
        """The first record; None in an empty file."""
        return self.records[0] if self.records else None


def read_document(path: Path) -> ParsedFile:
    """A file as records, whatever its form.

    Raises:
        UsageError: it cannot be read, or is neither JSON, JSON lines, CSV nor a table of Markdown.
    """
    text = input_text(path, RECORDS_BYTES_MAX)
    if not text.strip():
        raise UsageError(f"{path}: is empty", "name the file that the tool wrote")
    if found := _json(path, text):
        return found
    if found := _table(path, text):
        return found
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON: {error}, and no other form that is read", _READ) from error
    raise UsageError(f"{path}: not JSON: neither an object nor a list", _READ)


def _json(path: Path, text: str) -> ParsedFile | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _json_lines(path, text)
    return ParsedFile(path, "json", tuple(value) if isinstance(value, list) else (value,))


def _json_lines(path: Path, text: str) -> ParsedFile | None:
    """Each line one value; a last one that a kill cut short is left out."""
    lines = [line for line in text.splitlines() if line.strip()]
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(json.loads(line))
        except (ValueError, RecursionError):
            if number < len(lines) or number == 1:
                return None
    return ParsedFile(path, "jsonl", tuple(found)) if found else None


def _table(path: Path, text: str) -> ParsedFile | None:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    if len(rows) > 2 and all(set(cell) <= set("-: ") for cell in rows[1]):
        found = tuple(dict(zip(rows[0], row, strict=False)) for row in rows[2:])
        return ParsedFile(path, "md", found)
    if lines and lines[0].count(",") > 2 and not lines[0].startswith(("{", "[")):
        return ParsedFile(path, "csv", tuple(csv.DictReader(io.StringIO(text))))
    return None


def read_json(path: Path) -> Any:
    """The JSON of a file.

    Raises:
        UsageError: it cannot be read or is not JSON.
    """
    try:
        return json.loads(input_bytes(path, RECORDS_BYTES_MAX))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON: {error}") from error


def not_such(path: Path, kind: str, lacks: str) -> UsageError:
    """The error for a file of another kind."""
    return UsageError(f"{path}: not a file of {kind}: {lacks}", "name the kind that wrote it")


def within(value: Any, *keys: str) -> Any:
    """What lies below these keys; None where anything on the way is missing. A list stands for its first element."""
    for key in keys:
        if isinstance(value, list):
            value = value[0] if value else None
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def integer(value: Any) -> int | None:
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
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def text(value: Any) -> str | None:
    """A text that is not empty."""
    return value if isinstance(value, str) and value else None


def number(name: str, unit: str, value: Any, median: Any = None, std: Any = None) -> ImportedNumber | None:
    """One number with what the tool says of its spread; None where there is none, or less than nothing."""
    mean = real(value)
    if mean is None or mean < 0:
        return None
    return ImportedNumber(name=name, value=mean, unit=unit, median=real(median), std=real(std))


def present(*found: ImportedNumber | None) -> tuple[ImportedNumber, ...]:
    """Those that are there."""
    return tuple(each for each in found if each is not None)


def rate_label(concurrency: int | None, request_rate: Any) -> str:
    """What a load generator's cell was asked for: so many at a time, or so many a second."""
    rate = real(request_rate)
    at_a_time = f"c{concurrency}" if concurrency else "no bound on requests at a time"
    return f"{at_a_time}, {rate:g} requests/s" if rate else at_a_time
