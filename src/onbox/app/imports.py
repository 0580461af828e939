"""An imported folder, read and judged again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from onbox.errors import UsageError
from onbox.evidence.folder import read_json, read_lines
from onbox.evidence.imported import ImportedCell, ImportedRun, ImportHead
from onbox.evidence.manifest import Problem
from onbox.evidence.records import Record
from onbox.field_errors import first_problem
from onbox.judge import RULES
from onbox.judge.imports.trust import ImportTrust, trust
from onbox.judge.imports.verdict import judge_import
from onbox.judge.results import Verdict

R = TypeVar("R", bound=Record)
HEAD = "import.json"
TRUST = "trust.json"
COPIED = ("kind", "imported")
COPIED_OF_EACH = {
    "numbers": ("file", "tool", "cell", "name", "value", "unit", "median", "std"),
    "runs": ("model", "arm", "task"),
}
"""Fields that `trust.json` has from the records as they are, by its part: no rules change them."""


@dataclass(frozen=True)
class HeldTrust:
    """What was found when `trust.json` was computed again.

    Args:
        problems: (file, problem) where it does not follow from the records; none where it does.
        notes: what older rules may have given otherwise, in sentences.
        rules: by which it was written where it differs; today's where all follows.
    """

    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    rules: int = RULES


def is_import(folder: Path) -> bool:
    """Whether a folder was made by an import, and not by a trial."""
    return (folder / HEAD).is_file() and not (folder / "plan.yaml").exists()


def judge_again(folder: Path, incumbent: str = "") -> tuple[Verdict, ImportTrust]:
    """The verdict on its runs, undecided where it holds none, and what each number is worth by the rules of today.

    Args:
        folder: of the import.
        incumbent: the model that the owner runs now.

    Raises:
        UsageError: a record cannot be read, or no run is of that model.
    """
    head = _record(folder / HEAD, ImportHead, read_json(folder / HEAD))
    runs = _records(folder / "runs.jsonl", ImportedRun)
    if incumbent and incumbent not in {run.model for run in runs}:
        models = ", ".join(sorted({run.model for run in runs})) or "no runs"
        raise UsageError(f"--incumbent {incumbent}: no run of it here", f"one of {models}")
    cells = _records(folder / "cells.jsonl", ImportedCell)
    return judge_import(head, runs, incumbent), trust(head.kind, [*cells, *runs])


def hold(folder: Path) -> HeldTrust:
    """Hold what was written of trust against what the records give now.

    By today's rules all of it must follow; by older ones, or where no rules are named, what is copied from the records.

    Raises:
        UsageError: a file cannot be read.
    """
    written = read_json(folder / TRUST)
    computed = json.loads(judge_again(folder)[1].model_dump_json())
    if written == computed:
        return HeldTrust()
    rules = written.get("rules", 1) if isinstance(written, dict) else RULES
    if type(rules) is not int or rules >= RULES:
        return HeldTrust(((TRUST, "does not follow from the records by the rules of today"),))
    if _copied(written) != _copied(computed):
        return HeldTrust(((TRUST, "does not follow from the records"),))
    if {**written, "rules": RULES} == computed:
        return HeldTrust()
    by = f"rules {rules} of an earlier onbox" if "rules" in written else "an earlier onbox that named no rules"
    return HeldTrust(
        notes=(
            f"{TRUST} was written by {by}, today's rules are {RULES}: its values are those of the records, but how far "
            "they can be trusted or how runs are counted differs; onbox judge shows both by today's rules",
        ),
        rules=rules,
    )


def _copied(found: Mapping[str, Any]) -> list[object]:
    """What is copied from the records; of a part that is no list of objects, the part itself."""
    parts: list[object] = [found.get(name) for name in COPIED]
    for part, fields in COPIED_OF_EACH.items():
        entries = found.get(part)
        parts.append(_fields(entries, fields) if isinstance(entries, list) else entries)
    return parts


def _fields(entries: Sequence[object], fields: Sequence[str]) -> list[object]:
    return [[each.get(name) for name in fields] if isinstance(each, dict) else each for each in entries]


def _records(path: Path, kind: type[R]) -> list[R]:
    return [_record(path, kind, row) for row in read_lines(path)]


def _record(path: Path, kind: type[R], row: object) -> R:
    try:
        return kind.model_validate(row)
    except ValidationError as error:
        raise UsageError(f"{path}: {first_problem(error)}") from error
