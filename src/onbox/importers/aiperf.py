"""AIPerf's summary, `profile_export_aiperf.json`; GenAI-Perf's has the same form and no version."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onbox.evidence.imported import ImportedCell, ImportedNumber
from onbox.importers.detection import document_of
from onbox.importers.reading import integer, number, present, rate_label, real, text, within

METRICS = (
    "inter_token_latency",
    "output_token_throughput_per_user",
    "time_to_first_token",
    "output_token_throughput",
    "output_sequence_length",
    "usage_completion_tokens",
)


_MS = {"ns": 1e-6, "nanoseconds": 1e-6, "us": 1e-3, "µs": 1e-3, "microseconds": 1e-3, "ms": 1.0, "milliseconds": 1.0,
       "s": 1e3, "sec": 1e3, "seconds": 1e3}  # fmt: skip
"""Milliseconds in each unit of time that a file may name."""


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
                label=_label(report, concurrency),
                version=text(within(report, "aiperf_version")),
                model=_model(report),
                concurrency=concurrency,
                prompt_tokens=integer(within(report, "input_sequence_length", "avg")),
                output_tokens=integer(within(dataset, "prompts", "osl", "mean")),
                requests=integer(within(report, "request_count", "avg")),
                failed=integer(within(report, "error_request_count", "avg")),
                numbers=present(*(_number(report, name) for name in METRICS)),
            )
        ]


def _number(report: Any, name: str) -> ImportedNumber | None:
    """A number in its unit; a time is one in milliseconds, whichever unit the file has."""
    found = within(report, name)
    unit = text(within(found, "unit")) or ""
    values = [within(found, key) for key in ("avg", "p50", "std")]
    if (factor := _MS.get(unit.lower())) is not None:
        unit, values = "ms", [None if (each := real(value)) is None else each * factor for value in values]
    return number(name, unit, *values)


def _concurrency(report: Any) -> int | None:
    """As it was asked; in older files it is elsewhere, and GenAI-Perf has two more places."""
    places = (("phases",), ("loadgen",), ("perf_analyzer", "stimulus"), ())
    found = (integer(within(report, "input_config", *place, "concurrency")) for place in places)
    return next((each for each in found if each is not None), None)


def _model(report: Any) -> str | None:
    places = (("models", "items", "name"), ("model_names",), ("model",))
    found = (within(report, "input_config", *place) for place in places)
    return next((name for each in found if (name := text(each[0] if isinstance(each, list) and each else each))), None)


def _label(report: Any, concurrency: int | None) -> str:
    rate = within(report, "input_config", "phases", "request_rate")
    return rate_label(concurrency, rate) if concurrency or real(rate) else "requests at a time not told"
