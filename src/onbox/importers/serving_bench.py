"""The load generators that come with engines: a summary for each measurement, read by the engine's own description."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onbox.evidence.imported import ImportedCell, ImportedNumber
from onbox.importers.detection import document_of
from onbox.importers.reading import integer, number, present, rate_label, real, text, within
from onbox.schema.bench_tools import BenchTool, ToolNumber


class ServingBench:
    """A cell for each summary; a file that results were appended to has several."""

    def __init__(self, tool: BenchTool) -> None:
        self.name = tool.kind
        self._tool = tool

    def read(self, path: Path) -> Sequence[ImportedCell]:
        """The summaries. What a detailed file adds is used to count failures, where the summary does not."""
        return [self._cell(path, report) for report in document_of(self.name, path).records]

    def _cell(self, path: Path, report: Any) -> ImportedCell:
        tool = self._tool
        concurrency = integer(within(report, "max_concurrency"))
        labels = [text(within(report, *keys)) for keys in tool.labels]
        rate = rate_label(concurrency, within(report, "request_rate"))
        return ImportedCell(
            file=path.name,
            tool=self.name,
            label=tool.joined.join(filter(None, (*labels, rate))),
            model=text(within(report, *tool.model)),
            version=text(within(report, *tool.version)) if tool.version else None,
            backend=next(filter(None, (text(within(report, *keys)) for keys in tool.backend)), None),
            concurrency=concurrency,
            ran_concurrency=real(within(report, *tool.ran_concurrency)) if tool.ran_concurrency else None,
            prompt_tokens=_tokens_each(report, "total_input_tokens"),
            output_tokens=_tokens_each(report, "total_output_tokens"),
            requests=integer(within(report, "completed")),
            failed=self._failed(report),
            numbers=present(*(_number(report, each) for each in tool.numbers)),
        )

    def _failed(self, report: Any) -> int | None:
        """As the summary says, else the errors of a detailed file, else those that were to be made and did not
        complete."""
        counted = integer(within(report, self._tool.failed)) if self._tool.failed else None
        errors = within(report, "errors")
        if counted is None and isinstance(errors, list):
            return sum(1 for error in errors if error)
        requested = integer(within(report, self._tool.requested)) if self._tool.requested else None
        completed = integer(within(report, "completed"))
        if counted is not None or requested is None or completed is None:
            return counted
        return max(0, requested - completed)


def _number(report: Any, each: ToolNumber) -> ImportedNumber | None:
    name = each.key or each.name
    value = within(report, name)
    if not each.spread:
        return number(each.name, each.unit, value)
    median, std = (within(report, name.replace("mean", other, 1)) for other in ("median", "std"))
    return number(each.name, each.unit, value, median, std)


def _tokens_each(report: Any, name: str) -> int | None:
    """Tokens of each request; the file has the sum alone."""
    total, requests = integer(within(report, name)), integer(within(report, "completed"))
    return round(total / requests) if total is not None and requests else None
