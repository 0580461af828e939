"""The result file of `vllm bench serve --save-result`; it does not tell its version."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onbox.evidence.imported import ImportedCell
from onbox.importers.reading import not_such, numbers, read_json, text, whole, within

METRICS = {
    "mean_tpot_ms": "ms",
    "median_tpot_ms": "ms",
    "mean_itl_ms": "ms",
    "mean_ttft_ms": "ms",
    "output_throughput": "tok/s",
    "max_output_tokens_per_s": "tok/s",
    "total_output_tokens": "tokens",
}


class VllmBench:
    """One cell."""

    name = "vllm-bench"

    def read(self, path: Path) -> Sequence[ImportedCell]:
        """The summary."""
        report = read_json(path)
        if within(report, "output_throughput") is None or within(report, "completed") is None:
            raise not_such(path, self.name, "no output_throughput and completed")
        return [
            ImportedCell(
                file=path.name,
                tool=self.name,
                model=text(within(report, "model_id")),
                concurrency=whole(within(report, "max_concurrency")),
                prompt_tokens=_share(report, "total_input_tokens"),
                output_tokens=_share(report, "total_output_tokens"),
                requests=whole(within(report, "completed")),
                failed=whole(within(report, "failed")),
                numbers=numbers({name: (within(report, name), unit) for name, unit in METRICS.items()}),
            )
        ]


def _share(report: Any, name: str) -> int | None:
    """Tokens of each request; the file has the sum alone."""
    total, requests = whole(within(report, name)), whole(within(report, "completed"))
    return round(total / requests) if total is not None and requests else None
