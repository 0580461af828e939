"""AIPerf's summary, `profile_export_aiperf.json`; GenAI-Perf's has the same form and no version."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onbox.evidence.imported import ImportedCell
from onbox.importers.reading import not_such, numbers, read_json, text, whole, within

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
        report = read_json(path)
        asked = _first(within(report, "input_config", "datasets"))
        if within(report, "request_latency", "avg") is None:
            raise not_such(path, self.name, "no request_latency with an avg")
        return [
            ImportedCell(
                file=path.name,
                tool=self.name,
                version=text(within(report, "aiperf_version")),
                model=text(within(_first(within(report, "input_config", "models", "items")), "name")),
                concurrency=_concurrency(report),
                prompt_tokens=whole(within(report, "input_sequence_length", "avg")),
                output_tokens=whole(within(asked, "prompts", "osl", "mean")),
                requests=whole(within(report, "request_count", "avg")),
                failed=whole(within(report, "error_request_count", "avg")),
                numbers=numbers({n: (within(report, n, "avg"), _unit(report, n)) for n in METRICS}),
            )
        ]


def _unit(report: Any, name: str) -> str:
    return text(within(report, name, "unit")) or ""


def _concurrency(report: Any) -> int | None:
    """As it was asked; in older files it is under `loadgen`."""
    phase = _first(within(report, "input_config", "phases"))
    asked = whole(within(phase, "concurrency"))
    return whole(within(report, "input_config", "loadgen", "concurrency")) if asked is None else asked


def _first(items: Any) -> Any:
    return items[0] if isinstance(items, list) and items else None
