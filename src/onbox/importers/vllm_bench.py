"""The result file of `vllm bench serve --save-result` and `--append-result`; it does not tell its version."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onbox.evidence.imported import ImportedCell, ImportedNumber
from onbox.importers.forms import document_of
from onbox.importers.reading import integer, number, present, rate_label, text, within


class VllmBench:
    """A cell for each result; a file that results were appended to has several."""

    name = "vllm-bench"

    def read(self, path: Path) -> Sequence[ImportedCell]:
        """The summaries. What `--save-detailed` adds is used to count failures, where the summary does not."""
        return [self._cell(path, report) for report in document_of(self.name, path).records]

    def _cell(self, path: Path, report: Any) -> ImportedCell:
        concurrency = integer(within(report, "max_concurrency"))
        label = text(within(report, "label"))
        rate = rate_label(concurrency, within(report, "request_rate"))
        return ImportedCell(
            file=path.name,
            tool=self.name,
            label=f"{label}: {rate}" if label else rate,
            model=text(within(report, "model_id")),
            backend=text(within(report, "backend")) or text(within(report, "endpoint_type")),
            concurrency=concurrency,
            prompt_tokens=tokens_each(report, "total_input_tokens"),
            output_tokens=tokens_each(report, "total_output_tokens"),
            requests=integer(within(report, "completed")),
            failed=_failed(report),
            numbers=present(
                with_spread(report, "tpot"),
                number("median_tpot_ms", "ms", within(report, "median_tpot_ms")),
                with_spread(report, "itl"),
                with_spread(report, "ttft"),
                number("output_throughput", "tok/s", within(report, "output_throughput")),
                number("max_output_tokens_per_s", "tok/s", within(report, "max_output_tokens_per_s")),
                number("total_output_tokens", "tokens", within(report, "total_output_tokens")),
                number("acceptance_length", "tokens", within(report, "spec_decode_acceptance_length")),
            ),
        )


def _failed(report: Any) -> int | None:
    """As the summary says, else the errors of a detailed file, else those that were asked for and did not complete."""
    told = integer(within(report, "failed"))
    errors = within(report, "errors")
    if told is None and isinstance(errors, list):
        return sum(1 for error in errors if error)
    asked, completed = integer(within(report, "num_prompts")), integer(within(report, "completed"))
    return told if told is not None or asked is None or completed is None else max(0, asked - completed)


def with_spread(report: Any, metric: str) -> ImportedNumber | None:
    """`mean_X_ms` with its median and deviation."""
    mean, median, std = (within(report, f"{statistic}_{metric}_ms") for statistic in ("mean", "median", "std"))
    return number(f"mean_{metric}_ms", "ms", mean, median, std)


def tokens_each(report: Any, name: str) -> int | None:
    """Tokens of each request; the file has the sum alone."""
    total, requests = integer(within(report, name)), integer(within(report, "completed"))
    return round(total / requests) if total is not None and requests else None
