"""Rows of cipherfoxie/agent-bench: JSON lines, one for each run of an agent on a task."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from onbox.errors import UsageError
from onbox.evidence.folder import first_problem, read_lines
from onbox.evidence.imported import ImportedRun
from onbox.importers.reading import not_such


class AgentBench:
    """A run for each row; keys that are not known are left out, those that are missing stay null."""

    name = "agent-bench"

    def read(self, path: Path) -> Sequence[ImportedRun]:
        """The rows, under their own names."""
        if not path.is_file():
            raise UsageError(f"{path}: cannot be read: no such file")
        known = ImportedRun.model_fields
        found = []
        for number, row in enumerate(read_lines(path), 1):
            if not isinstance(row, dict):
                raise not_such(path, self.name, f"line {number} is no object")
            try:
                found.append(ImportedRun.model_validate({key: row[key] for key in known if key in row}))
            except ValidationError as error:
                raise not_such(path, self.name, f"line {number}: {first_problem(error)}") from error
        if not found:
            raise not_such(path, self.name, "no complete line")
        return found
