"""`onbox import`: other tools' records into evidence, with what can be trusted in them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from onbox.cli.manual import Manual
from onbox.cli.options import json_option
from onbox.cli.ui.console import Part, out, print_json

if TYPE_CHECKING:
    from onbox.app.types import ImportTrust

STYLES = {"yes": "green", "with care": "yellow", "no": "red"}


@click.command(
    "import",
    cls=Manual,
    examples=(
        ("onbox import auto result.json --out imported", "a file whose kind is detected"),
        ("onbox import guidellm result.json --out imported", "a named kind"),
        ("onbox import harbor jobs/mine --out imported", "a Harbor job"),
    ),
    ends={1: "nothing was measured in it"},
)
@click.argument("kind")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--out", "folder", required=True, type=click.Path(path_type=Path), help="The folder to create.")
@click.option("--reward-min", type=float, help="For harbor: the least reward that passes; default 1.")
@json_option
def command(kind: str, files: tuple[Path, ...], folder: Path, reward_min: float | None, as_json: bool) -> None:
    """Import FILEs of another tool into a folder, and show how far each number can be trusted.

    KIND is llama-benchy, aiperf, guidellm, llama-bench, agent-bench, harbor, inspect, or ENGINE-bench for the load
    generator of an engine (docs/formats.md); auto detects it from the first FILE. For harbor, FILE may be a job's
    folder.
    """
    from onbox.app.importing import import_records

    found = import_records(kind, files, folder, reward_min=reward_min)
    if as_json:
        print_json({**found.model_dump(mode="json"), "path": str(folder)})
    else:
        show(found, folder)


def show(found: "ImportTrust", folder: Path) -> None:
    """Each number and each group of runs with what it is worth."""
    from onbox.report import formatting

    screen, what = out(), "run" if found.runs else "measurement"
    screen.line(f"{formatting.count(found.imported, what)} of {found.kind} imported")
    for text in found.says:
        screen.line(f"- {text}", wrap=True)
    rows: list[tuple[Part, ...]] = []
    for number in found.numbers:
        value = formatting.quantity(number.value, number.unit)
        rate = f", {formatting.tok_s(number.decode_tok_s)}" if number.decode_tok_s and "ms" in number.unit else ""
        name = f"{number.cell}: {number.name}" if number.cell else number.name
        rows.append((name, f"{value}{rate}", (number.trust, STYLES[number.trust]), number.why))
    for run in found.runs:
        name = f"{run.model}, {run.arm}, {run.task}"
        invalid = f", {run.invalid} invalid" if run.invalid else ""
        score = f"{formatting.of(run.passed, run.runs)}{invalid}"
        rows.append((name, score, (run.trust, STYLES[run.trust]), run.why))
    screen.line()
    head = ("number", "value") if found.numbers else ("runs", "passed")
    screen.table(rows, head=(*head, "trust", "why"), right=(1,))
    screen.line()
    screen.line((f"folder  {folder}", "dim"))
