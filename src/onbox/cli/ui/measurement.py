"""A decode measurement in the terminal: valid or not, why, the number with its witnesses."""

from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from onbox.cli.ui.summary import CHECK_STYLES, STYLES
from onbox.judge.results import Measurement
from onbox.judge.speed.claims import NOT_TOLD
from onbox.report import formatting
from onbox.report.text import one_line
from onbox.schema.checks import Status

CLAIM_STYLES = {"reproduces": "green", "differs": "red", "undecided": "yellow", "not comparable": "yellow"}

CUT_OFF = ("COMPLETE", "STREAM_ERROR")
"""Checks that tell why a measurement was cut off; others fail or are unknown because it was."""


def measurement(speed: Measurement, folder: Path) -> RenderableType:
    """The order of every report: verdict, failed checks with advice, then numbers.

    Args:
        speed: what the judge said; every number comes from here.
        folder: where the evidence lies.
    """
    value = formatting.rate(speed)
    head = Text.assemble(
        (f" {speed.status.value.upper()} ", f"bold reverse {STYLES[speed.status]}"), "  ", (value, "bold")
    )
    if speed.interval is not None:
        head.append(f"  95 percent {formatting.tok_s_interval(speed.interval)}")
    blocks: list[RenderableType] = [head]
    if made_of := formatting.budget(speed):
        blocks.append(Text(f"uncertainty: {made_of}", "dim"))
    doubts = [check for status in (Status.FAIL, Status.WARN) for check in speed.checks if check.status is status]
    unknown = [check for check in speed.checks if check.status is Status.UNKNOWN]
    if any(check.id == "COMPLETE" for check in doubts):
        # Nothing else can be told of a measurement that was cut off; the report has all of its checks.
        doubts, unknown = [check for check in doubts if check.id in CUT_OFF], []
    # Without a count of tokens nothing else can be mended first.
    usage = [check for check in (*doubts, *unknown) if check.id == "USAGE"]
    doubts, unknown = ([check for check in checks if check not in usage] for checks in (doubts, unknown))
    if usage or doubts or unknown:
        blocks.append(
            Group(
                *(
                    Text.assemble(
                        (f"{check.status.value} ", CHECK_STYLES.get(check.status, "dim")),
                        one_line(f"{check.id}: {check.hint}"),
                    )
                    for check in (*usage, *doubts, *unknown)
                )
            )
        )
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("witness", no_wrap=True)
    table.add_column("decode", justify="right", no_wrap=True)
    table.add_column("how")
    for witness in speed.witnesses:
        rate = formatting.tok_s(witness.tok_s)
        table.add_row(
            Text(one_line(formatting.WITNESSES.get(witness.name, witness.name))),
            Text(rate),
            Text(one_line(witness.detail)),
        )
    table.add_row(
        Text("cold, apart", "dim"), Text(formatting.tok_s(speed.cold_tok_s), "dim"), Text("the first request", "dim")
    )
    blocks.append(table)
    counted = f"{formatting.count(speed.requests, 'request')}, {formatting.count(speed.tokens, 'token')}"
    blocks.append(Text(f"{counted}, first token after {formatting.seconds(speed.ttft_s)}"))
    if speed.cells:
        blocks.append(_cells(speed))
    if speed.bound is not None:
        blocks.append(Text(f"why: {formatting.bound(speed.bound)}"))
    if details := formatting.rate_details(speed):
        blocks.append(
            Text(
                ", ".join(f"{formatting.label(name)} {formatting.fact(name, value)}" for name, value in details.items())
            )
        )
    if speed.claims:
        blocks.append(claims_of(speed))
    blocks.append(Text(f"evidence  {folder}", "dim"))
    return Group(*(Padding(block, (1, 0, 0, 0)) for block in blocks))


def _cells(speed: Measurement) -> RenderableType:
    """A line for each number of requests at a time, and why where it is not valid."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for head in formatting.CELLS_HEAD:
        table.add_column(head, justify="left" if head == "status" else "right", no_wrap=True)
    table.add_column("by")
    for cell in (speed, *speed.cells):
        why = [check.id for check in cell.checks if check.status is not Status.PASS]
        *numbers, status = formatting.cell(cell)
        table.add_row(*map(Text, numbers), Text(status, STYLES[cell.status]), Text(", ".join(why)))
    return table


def claims_of(speed: Measurement, name: str = "") -> RenderableType:
    """The published rates about a model; each `why` is in the report, and here where only the rate is another."""
    of = f" about {one_line(name)}" if name else ""
    lines = [Text(f"published rates{of}", "dim")]
    for claim in speed.claims:
        rate = formatting.tok_s(claim.tok_s)
        lines.append(
            Text.assemble((f"{claim.verdict} ", CLAIM_STYLES.get(claim.verdict, "")), one_line(f"{claim.name}, {rate}"))
        )
        bars = [found for found in claim.differences if found.bars]
        untold = [found.what for found in bars if found.claimed == NOT_TOLD]
        lines += [Text(f"  {one_line(formatting.difference(f))}") for f in bars if f.claimed != NOT_TOLD]
        if untold:
            lines.append(Text(f"  not stated by its source: {', '.join(untold)}"))
    return Group(*lines)
