"""llama-benchy's `--format json`, all versions that write `benchmarks`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onbox.evidence.imported import ImportedCell
from onbox.importers.reading import not_such, numbers, read_json, text, whole, within

METRICS = {
    "tg_throughput": "tok/s",
    "tg_req_throughput": "tok/s",
    "pp_throughput": "tok/s",
    "peak_throughput": "tok/s",
    "ttfr": "ms",
    "est_ppt": "ms",
    "e2e_ttft": "ms",
}


class LlamaBenchy:
    """A cell for each entry of `benchmarks`."""

    name = "llama-benchy"

    def read(self, path: Path) -> Sequence[ImportedCell]:
        """The entries, those that only prefill a context left out."""
        report = read_json(path)
        runs = within(report, "benchmarks")
        if not isinstance(runs, list) or within(report, "latency_mode") is None:
            raise not_such(path, self.name, "no benchmarks and latency_mode")
        return [self._cell(path, report, run) for run in runs if not within(run, "is_context_prefill_phase")]

    def _cell(self, path: Path, report: Any, run: Any) -> ImportedCell:
        values = within(run, "tg_throughput", "values")
        return ImportedCell(
            file=path.name,
            tool=self.name,
            version=text(within(report, "version")),
            model=text(within(report, "model")),
            concurrency=whole(within(run, "concurrency")),
            depth_tokens=whole(within(run, "context_size")),
            prompt_tokens=whole(within(run, "prompt_size")),
            output_tokens=whole(within(run, "response_size")),
            requests=len(values) if isinstance(values, list) else None,
            numbers=numbers({name: (within(run, name, "mean"), unit) for name, unit in METRICS.items()}),
        )
