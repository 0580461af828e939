"""guidellm's JSON report (`--output kind=json`), report version 2 of guidellm 0.8 and the older one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onbox.evidence.imported import ImportedCell, ImportedNumber
from onbox.importers.detection import document_of
from onbox.importers.reading import integer, not_such, number, present, real, text, within

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
        report = document_of(self.name, path).first
        found = within(report, "benchmarks")
        if not isinstance(found, list) or any(within(one, "metrics", "request_totals") is None for one in found):
            raise not_such(path, self.name, "no benchmarks with metrics.request_totals")
        return [self._cell(path, report, one) for one in found]

    def _cell(self, path: Path, report: Any, one: Any) -> ImportedCell:
        metrics = within(one, "metrics")
        strategy = (
            within(one, "config", "strategy") or within(one, "scheduler", "strategy") or within(one, "args", "strategy")
        )
        dataset = within(report, "config", "spec", "data")
        failed = [integer(within(metrics, "request_totals", kind)) for kind in ("errored", "incomplete")]
        ran = real(within(metrics, "request_concurrency", "successful", "mean"))
        return ImportedCell(
            file=path.name,
            tool=self.name,
            label=_label(strategy),
            version=text(within(report, "metadata", "guidellm_version")),
            model=text(within(report, "config", "spec", "backend", "model"))
            or text(within(one, "config", "backend", "model")),
            concurrency=_concurrency(strategy),
            ran_concurrency=ran,
            prompt_tokens=integer(within(dataset, "prompt_tokens")),
            output_tokens=integer(within(dataset, "output_tokens")),
            requests=integer(within(metrics, "request_totals", "successful")),
            failed=None if None in failed else sum(count or 0 for count in failed),
            numbers=present(*(_number(metrics, name, unit) for name, unit in METRICS.items())),
        )


def _number(metrics: Any, name: str, unit: str) -> ImportedNumber | None:
    """The mean with median and deviation; of no observation guidellm writes 0, which is no number."""
    found = within(metrics, name, "successful")
    if integer(within(found, "count")) == 0:
        return None
    return number(name, unit, within(found, "mean"), within(found, "median"), within(found, "std_dev"))


def _concurrency(strategy: Any) -> int | None:
    """Requests at a time, where the strategy keeps a number of them; in the others `max_concurrency` is a cap."""
    kind = text(within(strategy, "type_"))
    if kind == "synchronous":
        return 1
    return integer(within(strategy, "streams")) if kind == "concurrent" else None


def _label(strategy: Any) -> str:
    """As guidellm itself prints it: `concurrent@5`, `constant@2.00`."""
    kind = text(within(strategy, "type_")) or "unknown strategy"
    if kind == "concurrent":
        streams = integer(within(strategy, "streams"))
        return kind if streams is None else f"concurrent@{streams}"
    rate, cap = real(within(strategy, "rate")), integer(within(strategy, "max_concurrency"))
    if rate is not None:
        return f"{kind}@{rate:.2f}"
    return f"throughput, at most {cap or 'any number'} at a time" if kind == "throughput" else kind
