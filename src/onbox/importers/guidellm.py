"""guidellm's JSON report (`--output kind=json`), report version 2 of guidellm 0.8 and the older one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onbox.evidence.imported import ImportedCell
from onbox.importers.reading import not_such, numbers, read_json, text, whole, within

METRICS = {
    "inter_token_latency_ms": "ms",
    "time_per_output_token_ms": "ms",
    "time_to_first_token_ms": "ms",
    "output_tokens_per_second": "tok/s",
    "output_token_count": "tokens",
}


class GuideLLM:
    """A cell for each entry of `benchmarks`, from the requests that succeeded."""

    name = "guidellm"

    def read(self, path: Path) -> Sequence[ImportedCell]:
        """The means over successful requests."""
        report = read_json(path)
        found = within(report, "benchmarks")
        if not isinstance(found, list) or any(within(one, "metrics", "request_totals") is None for one in found):
            raise not_such(path, self.name, "no benchmarks with metrics.request_totals")
        return [self._cell(path, report, one) for one in found]

    def _cell(self, path: Path, report: Any, one: Any) -> ImportedCell:
        metrics = within(one, "metrics")
        means = {name: (within(metrics, name, "successful", "mean"), unit) for name, unit in METRICS.items()}
        data = within(report, "config", "spec", "data")
        asked = data[0] if isinstance(data, list) and data else None
        failed = [whole(within(metrics, "request_totals", kind)) for kind in ("errored", "incomplete")]
        return ImportedCell(
            file=path.name,
            tool=self.name,
            version=text(within(report, "metadata", "guidellm_version")),
            model=text(within(report, "config", "spec", "backend", "model")),
            concurrency=whole(within(one, "config", "strategy", "max_concurrency")),
            prompt_tokens=whole(within(asked, "prompt_tokens")),
            output_tokens=whole(within(asked, "output_tokens")),
            requests=whole(within(metrics, "request_totals", "successful")),
            failed=None if None in failed else sum(count or 0 for count in failed),
            numbers=numbers(means),
        )
