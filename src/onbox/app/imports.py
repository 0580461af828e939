"""An imported folder, read and judged again."""

import json
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from onbox.errors import UsageError
from onbox.evidence.folder import read_json, read_lines
from onbox.evidence.imported import ImportedCell, ImportedRun, ImportHead
from onbox.evidence.records import Record
from onbox.field_errors import first_problem
from onbox.judge.imports.trust import ImportTrust, trust
from onbox.judge.imports.verdict import judge_import
from onbox.judge.results import Verdict

R = TypeVar("R", bound=Record)
HEAD = "import.json"


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


def not_recomputed(folder: Path) -> tuple[tuple[str, str], ...]:
    """(file, problem) where what was written of trust does not follow from the records any more."""
    written = read_json(folder / "trust.json")
    computed = json.loads(judge_again(folder)[1].model_dump_json())
    return () if written == computed else (("trust.json", "does not follow from the records by the rules of today"),)


def _records(path: Path, kind: type[R]) -> list[R]:
    return [_record(path, kind, row) for row in read_lines(path)]


def _record(path: Path, kind: type[R], row: object) -> R:
    try:
        return kind.model_validate(row)
    except ValidationError as error:
        raise UsageError(f"{path}: {first_problem(error)}") from error
