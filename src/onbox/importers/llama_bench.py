"""llama.cpp's `llama-bench -o json`, and `-o jsonl`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onbox.errors import UsageError
from onbox.evidence.imported import ImportedCell
from onbox.importers.reading import not_such, numbers, read_json, text, whole, within


class LlamaBench:
    """A cell for each row."""

    name = "llama-bench"

    def read(self, path: Path) -> Sequence[ImportedCell]:
        """The rows."""
        rows = _rows(path)
        if not isinstance(rows, list) or not rows or any(within(row, "avg_ts") is None for row in rows):
            raise not_such(path, self.name, "no rows with avg_ts")
        return [self._cell(path, row) for row in rows]

    def _cell(self, path: Path, row: Any) -> ImportedCell:
        samples = within(row, "samples_ts")
        generated = whole(within(row, "n_gen")) or 0
        prompted = whole(within(row, "n_prompt")) or 0
        kind = "pg" if generated and prompted else "tg" if generated else "pp"
        return ImportedCell(
            file=path.name,
            tool=self.name,
            version=text(within(row, "build_commit")),
            model=text(within(row, "model_type")) or text(within(row, "model_filename")),
            backend=text(within(row, "backends")) or text(within(row, "backend")),
            concurrency=1,
            depth_tokens=whole(within(row, "n_depth")),
            prompt_tokens=prompted,
            output_tokens=generated,
            requests=len(samples) if isinstance(samples, list) else None,
            numbers=numbers({f"{kind}_avg_ts": (within(row, "avg_ts"), "tok/s")}),
        )


def _rows(path: Path) -> Any:
    try:
        return read_json(path)
    except UsageError:
        try:
            return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
        except (OSError, ValueError):
            pass
        raise
