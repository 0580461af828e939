"""The Markdown table of llama-bench: `| model | size | params | backend | test | t/s |`.

llama-bench measures inside the engine, without sampling and tokenising; onbox measures what a client gets. The note
says so, for the two must not share a column unseen.
"""

from onbox.evidence.folder import TrialFolder
from onbox.exporters import Export
from onbox.exporters.measured import MeasuredContender, measured
from onbox.judge.results import Verdict
from onbox.report import marks
from onbox.report.page import read_page
from onbox.schema.units import count

HEAD = ("model", "size", "params", "backend", "test", "t/s")
NOTE = "these rates are a client's; llama-bench's own leave out sampling, tokenising and the server"


class LlamaBench:
    """One table, a row for each contender."""

    name = "llama-bench"

    def export(self, folder: TrialFolder, verdict: Verdict) -> Export:
        """The table."""
        shown, notes = measured(verdict)
        if concurrent := [each for each in shown if each.concurrency > 1]:
            left = count(len(concurrent), "rate")
            notes.append(f"left out, as llama-bench has no such row: {left} of several requests at a time")
        shown = [each for each in shown if each.concurrency == 1]
        page = read_page(folder, verdict)
        sizes = {each.name: each.weights.bytes for each in page.contenders if each.weights}
        table = marks.table(HEAD, (_row(each, sizes.get(each.name, 0)) for each in shown), right=(1, 2, 4, 5))
        return Export({"llama-bench.md": f"{table}\n".encode()}, (*notes, NOTE))


def _row(each: MeasuredContender, size_bytes: int) -> tuple[str, ...]:
    engine = marks.plain(str(each.speed.profile.get("engine")))
    return marks.plain(each.model), _size(size_bytes), "", engine, each.test, _rate(each)


def _rate(each: MeasuredContender) -> str:
    rates = each.rates_tok_s
    assert each.speed.decode_tok_s is not None
    if rates is None or rates.std_of_sample is None:
        return f"{each.speed.decode_tok_s:.2f}"
    return f"{rates.mean:.2f} ± {rates.std_of_sample:.2f}"


def _size(count: int) -> str:
    """As llama-bench writes it; empty when no weights are known."""
    if not count:
        return ""
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.2f} MiB"
