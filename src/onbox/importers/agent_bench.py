"""Rows of cipherfoxie/agent-bench: JSON lines, one for each run of an agent on a task."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from onbox.evidence.imported import ImportedRun
from onbox.field_errors import first_problem
from onbox.importers.detection import document_of
from onbox.importers.reading import not_such

OURS = {"tool", "file"}


class AgentBench:
    """A run for each row; keys that are not known are left out, those that are missing stay null."""

    name = "agent-bench"

    def read(self, path: Path) -> Sequence[ImportedRun]:
        """The rows, under their own names."""
        found = []
        for line, row in enumerate(document_of(self.name, path).records, 1):
            try:
                found.append(ImportedRun.model_validate(self._fields(path, row)))
            except ValidationError as error:
                raise not_such(path, self.name, f"line {line}: {first_problem(error)}") from error
        return found

    def _fields(self, path: Path, row: dict[str, Any]) -> dict[str, Any]:
        known = {key: row[key] for key in ImportedRun.model_fields if key in row and key not in OURS}
        if isinstance(errors := known.get("errors"), list):
            # An entry is a text, or an object with one in it.
            known["errors"] = [each if isinstance(each, str) else str(_message(each)) for each in errors]
        return {**known, "tool": self.name, "file": path.name}


def _message(entry: Any) -> Any:
    found = entry.get("message") or entry.get("error") if isinstance(entry, dict) else None
    return found or entry
