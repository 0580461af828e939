"""llama-benchy's `--format json`, all versions that write `benchmarks`, and its CSV."""

import re
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onbox.evidence.imported import ImportedCell, ImportedNumber
from onbox.importers.detection import document_of
from onbox.importers.reading import integer, not_such, number, present, real, text, within

METRICS = {
    "tg_throughput": "tok/s",
    "tg_req_throughput": "tok/s",
    "pp_throughput": "tok/s",
    "peak_throughput": "tok/s",
    "ttfr": "ms",
    "est_ppt": "ms",
    "e2e_ttft": "ms",
}
COLUMNS = {"t_s": "tg_throughput", "t_s_req": "tg_req_throughput", "peak_ts": "peak_throughput", "ttfr": "ttfr"}
TEST = re.compile(r"(?P<ctx>ctx_)?(?P<what>pp|tg)(?P<tokens>\d*)(?: @ d(?P<depth>\d+))?(?: \(c(?P<c>\d+)\))?")


class LlamaBenchy:
    """A cell for each entry of `benchmarks`; of a CSV, for each row that is about generating."""

    name = "llama-benchy"

    def read(self, path: Path) -> Sequence[ImportedCell]:
        """The entries, those that only prefill a context left out."""
        document = document_of(self.name, path)
        if document.form == "csv":
            return [cell for row in document.records if (cell := self._row(path, row))]
        report = document.first
        runs = within(report, "benchmarks")
        if not isinstance(runs, list):
            raise not_such(path, self.name, "no list of benchmarks")
        return [self._cell(path, report, run) for run in runs if not within(run, "is_context_prefill_phase")]

    def _cell(self, path: Path, report: Any, run: Any) -> ImportedCell:
        concurrency, depth = integer(within(run, "concurrency")), integer(within(run, "context_size"))
        output = integer(within(run, "response_size"))
        values = within(run, "tg_throughput", "values")
        return ImportedCell(
            file=path.name,
            tool=self.name,
            label=_label(output, depth, concurrency),
            version=text(within(report, "version")),
            model=text(within(report, "model")),
            concurrency=concurrency,
            depth_tokens=depth,
            prompt_tokens=integer(within(run, "prompt_size")),
            output_tokens=output,
            requests=len(values) * (concurrency or 1) if isinstance(values, list) else None,
            numbers=present(*(_number(run, name, unit) for name, unit in METRICS.items())),
        )

    def _row(self, path: Path, row: Any) -> ImportedCell | None:
        """The CSV has a row for each test; those of prompts are left out."""
        test = TEST.fullmatch(str(within(row, "test_name")))
        if test is None or test["what"] != "tg":
            return None
        concurrency = int(test["c"] or 1)
        found = [
            number(name, METRICS[name], within(row, f"{column}_mean"), None, within(row, f"{column}_std"))
            for column, name in COLUMNS.items()
        ]
        return ImportedCell(
            file=path.name,
            tool=self.name,
            label=test[0],
            model=text(within(row, "model")),
            concurrency=concurrency,
            depth_tokens=int(test["depth"] or 0),
            output_tokens=int(test["tokens"]) if test["tokens"] else None,
            numbers=present(*found),
        )


def _number(run: Any, name: str, unit: str) -> ImportedNumber | None:
    values = within(run, name, "values")
    numbers = [value for each in values if (value := real(each)) is not None] if isinstance(values, list) else []
    median = statistics.median(numbers) if numbers else None
    return number(name, unit, within(run, name, "mean"), median, within(run, name, "std"))


def _label(output: int | None, depth: int | None, concurrency: int | None) -> str:
    """As llama-benchy itself names its tests."""
    at = f" @ d{depth}" if depth else ""
    suffix = f" (c{concurrency})" if concurrency and concurrency > 1 else ""
    return f"tg{'?' if output is None else output}{at}{suffix}"
