"""What stands in the terminal at the end of a trial: the verdict, why, the numbers, where the rest lies."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from onbox.judge.results import ContenderResult, Measurement, Validity, Verdict
from onbox.report import comparison_tables, formatting
from onbox.report.text import one_line
from onbox.schema.checks import Status

STYLES = {Validity.VALID: "green", Validity.SUSPECT: "yellow", Validity.INVALID: "red"}
CHECK_STYLES = {Status.FAIL: "red", Status.WARN: "yellow"}


def summary(verdict: Verdict, folder: Path | None = None) -> RenderableType:
    """The verdict for a terminal of 80 columns.

    Args:
        verdict: what the judge said; every number comes from here.
        folder: the trial, to name the report and the next command; None where nothing was written.
    """
    blocks = [_head(verdict), _why(verdict), _numbers(verdict), *_weighed(verdict), *_arms(verdict), *_places(folder)]
    return Group(*(Padding(block, (1, 0, 0, 0)) for block in blocks))


def _head(verdict: Verdict) -> Text:
    title, headline = formatting.title_and_headline(verdict.verdict, verdict.headline)
    return Text.assemble((one_line(title), "bold reverse"), "  ", (one_line(headline), "bold"))


def _why(verdict: Verdict) -> RenderableType:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column()
    table.add_column(overflow="fold")
    for reason in verdict.reasons:
        table.add_row(Text("-"), _text(reason))
    for status, name, check_id, hint in _doubts(verdict):
        line = Text.assemble(
            (f"{formatting.STATUSES[status.value]} ", CHECK_STYLES[status]), _text(f"{name} {check_id}: {hint}".strip())
        )
        table.add_row(Text("-"), line)
    for step in verdict.would_settle:
        table.add_row(Text("-"), Text.assemble(("to settle it ", "cyan"), _text(step)))
    return table


def _doubts(verdict: Verdict) -> Iterator[tuple[Status, str, str, str]]:
    found = [("", check) for check in verdict.checks]
    found += [(c.name, check) for c in verdict.contenders if c.speed for check in c.speed.checks]
    for status in CHECK_STYLES:
        for name, check in found:
            if check.status is status:
                yield status, name, check.id, check.hint


def _numbers(verdict: Verdict) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("contender", overflow="ellipsis", no_wrap=True, max_width=20)
    table.add_column("pass rate", justify="right", no_wrap=True)
    table.add_column("95 percent", no_wrap=True)
    # Where the others leave too little room it goes on in a second line; they would be cut.
    table.add_column("decode")
    table.add_column("to a pass", no_wrap=True)
    for contender in verdict.contenders:
        table.add_row(
            Text(one_line(contender.name), style="bold"),
            _rate(contender),
            Text(formatting.percent_interval(contender.interval)),
            _decode(contender.speed),
            Text(formatting.seconds_to_pass(contender.seconds_to_pass)),
        )
    return table


def _weighed(verdict: Verdict) -> Iterator[RenderableType]:
    for _, head, rows in comparison_tables.tables(verdict):
        yield _table(head, rows)


def _arms(verdict: Verdict) -> Iterator[RenderableType]:
    if not verdict.arms:
        return
    yield _table(comparison_tables.ARMS_HEAD, comparison_tables.arm_rows(verdict))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*map(_text, row))
    return table


def _rate(contender: ContenderResult) -> Text:
    counts = formatting.of(contender.passed, contender.valid)
    return Text.assemble((formatting.percent(contender.pass_rate), "bold"), f", {counts}")


def _decode(speed: Measurement | None) -> Text:
    if speed is None:
        return Text(formatting.NOT_MEASURED, style="dim")
    value = formatting.rate(speed)
    return (
        Text(value, style=STYLES[speed.status])
        if speed.status is Validity.INVALID
        else Text.assemble(value, (f" {speed.status.value}", STYLES[speed.status]))
    )


def _places(folder: Path | None) -> Iterator[RenderableType]:
    if folder is None:
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(Text("report"), _text(str(folder / "report.html")))
    table.add_row(Text("next"), _text(f"onbox verify {shlex.quote(str(folder))}"))
    yield table


def _text(text: str) -> Text:
    return Text(one_line(text))
