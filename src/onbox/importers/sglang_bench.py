"""The lines that `python -m sglang.bench_serving` appends to its output file; they tell no version and no model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onbox.evidence.imported import ImportedCell
from onbox.importers.forms import document_of
from onbox.importers.reading import integer, number, present, rate_label, real, text, within
from onbox.importers.vllm_bench import tokens_each, with_spread


class SglangBench:
    """A cell for each line."""

    name = "sglang-bench"

    def read(self, path: Path) -> Sequence[ImportedCell]:
        """The summaries; `concurrency` of a line is what ran, `max_concurrency` what was asked."""
        return [self._cell(path, report) for report in document_of(self.name, path).records]

    def _cell(self, path: Path, report: Any) -> ImportedCell:
        concurrency = integer(within(report, "max_concurrency"))
        asked = rate_label(concurrency, within(report, "request_rate"))
        return ImportedCell(
            file=path.name,
            tool=self.name,
            label=", ".join(filter(None, (text(within(report, "tag")), text(within(report, "dataset_name")), asked))),
            model=text(within(report, "server_info", "model_path")),
            version=text(within(report, "server_info", "version")),
            backend=text(within(report, "backend")),
            concurrency=concurrency,
            ran_concurrency=real(within(report, "concurrency")),
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
                number("total_output_tokens", "tokens", within(report, "total_output_tokens")),
                number("total_output_tokens_retokenized", "tokens", within(report, "total_output_tokens_retokenized")),
                number("accept_length", "tokens", within(report, "accept_length")),
            ),
        )


def _failed(report: Any) -> int | None:
    """Known of a line with details alone."""
    errors = within(report, "errors")
    return sum(1 for error in errors if error) if isinstance(errors, list) else None
