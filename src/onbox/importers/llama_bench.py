"""`llama-bench`, in the forms `-o json`, `jsonl`, `csv` and `md`."""

import re
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onbox.evidence.imported import ImportedCell
from onbox.importers.detection import document_of
from onbox.importers.reading import integer, not_such, number, present, real, text, within

TEST = re.compile(r"(?P<what>pp|tg|pg)(?P<tokens>[\d+]+)(?: ?@ ?d(?P<depth>\d+))?")
RATE = re.compile(r"(?P<mean>[\d.]+)(?: ?(?:±|\+/-) ?(?P<std>[\d.]+))?")


class LlamaBench:
    """A cell for each row."""

    name = "llama-bench"

    def read(self, path: Path) -> Sequence[ImportedCell]:
        """The rows."""
        document = document_of(self.name, path)
        return [(self._row if document.form == "md" else self._cell)(path, row) for row in document.records]

    def _cell(self, path: Path, row: Any) -> ImportedCell:
        """CSV has the same names as JSON."""
        samples = within(row, "samples_ts")
        numbers = [value for each in samples if (value := real(each)) is not None] if isinstance(samples, list) else []
        generated = integer(within(row, "n_gen")) or 0
        prompted = integer(within(row, "n_prompt")) or 0
        depth = integer(within(row, "n_depth"))
        kind = "pg" if generated and prompted else "tg" if generated else "pp"
        size = f"{prompted}+{generated}" if kind == "pg" else str(generated or prompted)
        median = statistics.median(numbers) if numbers else None
        return ImportedCell(
            file=path.name,
            tool=self.name,
            label=f"{kind}{size}" + (f" @ d{depth}" if depth else ""),
            version=text(within(row, "build_commit")),
            model=text(within(row, "model_type")) or text(within(row, "model_filename")),
            backend=text(within(row, "backends")) or text(within(row, "backend")),
            concurrency=1,
            depth_tokens=depth,
            prompt_tokens=prompted,
            output_tokens=generated,
            requests=len(numbers) or None,
            numbers=present(number(f"{kind}_avg_ts", "tok/s", within(row, "avg_ts"), median, within(row, "stddev_ts"))),
        )

    def _row(self, path: Path, row: Any) -> ImportedCell:
        """A row of the table for people, `tg128 @ d4096` and `58.13 ± 0.20`."""
        test, rate = TEST.fullmatch(str(within(row, "test"))), RATE.fullmatch(str(within(row, "t/s")))
        if test is None or rate is None:
            raise not_such(path, self.name, f"a row with test {within(row, 'test')} and t/s {within(row, 't/s')}")
        tokens = [int(each) for each in test["tokens"].split("+") if each]
        what = "pg" if len(tokens) > 1 else test["what"]
        return ImportedCell(
            file=path.name,
            tool=self.name,
            label=test[0],
            model=text(within(row, "model")),
            backend=text(within(row, "backend")),
            concurrency=1,
            depth_tokens=int(test["depth"] or 0),
            prompt_tokens=tokens[0] if what != "tg" else 0,
            output_tokens=tokens[-1] if what != "pp" else 0,
            numbers=present(number(f"{what}_avg_ts", "tok/s", rate["mean"], None, rate["std"])),
        )
