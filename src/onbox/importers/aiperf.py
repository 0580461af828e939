"""AIPerf's summary, `profile_export_aiperf.json`; GenAI-Perf's has the same form and no version."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onbox.evidence.imported import ImportedCell, ImportedNumber
from onbox.importers.detection import document_of
from onbox.importers.reading import integer, number, present, rate_label, text, within

METRICS = (
    "inter_token_latency",
    "output_token_throughput_per_user",
    "time_to_first_token",
    "output_token_throughput",
    "output_sequence_length",
    "usage_completion_tokens",
)


class AIPerf:
    """One cell."""

    name = "aiperf"

    def read(self, path: Path) -> Sequence[ImportedCell]:
        """The averages of the profile."""
        report = document_of(self.name, path).first
        dataset = within(report, "input_config", "datasets")
        concurrency = _concurrency(report)
        return [
            ImportedCell(
                file=path.name,
                tool=self.name,
                label=rate_label(concurrency, within(report, "input_config", "phases", "request_rate")),
                version=text(within(report, "aiperf_version")),
                model=text(within(report, "input_config", "models", "items", "name")),
                concurrency=concurrency,
                prompt_tokens=integer(within(report, "input_sequence_length", "avg")),
                output_tokens=integer(within(dataset, "prompts", "osl", "mean")),
                requests=integer(within(report, "request_count", "avg")),
                failed=integer(within(report, "error_request_count", "avg")),
                numbers=present(*(_number(report, name) for name in METRICS)),
            )
        ]


def _number(report: Any, name: str) -> ImportedNumber | None:
    found = within(report, name)
    unit = text(within(found, "unit")) or ""
    return number(name, unit, within(found, "avg"), within(found, "p50"), within(found, "std"))


def _concurrency(report: Any) -> int | None:
    """As it was asked; in older files it is under `loadgen`."""
    planned = integer(within(report, "input_config", "phases", "concurrency"))
    return integer(within(report, "input_config", "loadgen", "concurrency")) if planned is None else planned
