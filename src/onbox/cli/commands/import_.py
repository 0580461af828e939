"""`onbox import`: other tools' records into evidence, with what can be trusted in them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from onbox.cli.output import json_option, out, print_json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from onbox.judge.foreign import Imported

STYLES = {"yes": "green", "with care": "yellow", "no": "red"}


@click.command("import")
@click.argument("kind")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--out", "folder", required=True, type=click.Path(path_type=Path), help="The folder to make.")
@json_option
def command(kind: str, files: tuple[Path, ...], folder: Path, as_json: bool) -> None:
    """Keep FILEs of another tool in a folder, and say of each number how far it can be trusted.

    KIND is llama-benchy, aiperf, guidellm, vllm-bench, llama-bench or agent-bench.
    """
    from onbox.evidence.folder import write_json
    from onbox.evidence.manifest import write_manifest
    from onbox.foreign import importer_by_name
    from onbox.foreign.store import store
    from onbox.judge.foreign import trust

    found = trust(kind, store(importer_by_name(kind), files, folder))
    write_json(folder / "trust.json", found)
    write_manifest(folder)
    if as_json:
        print_json({**found.model_dump(mode="json"), "path": str(folder)})
    else:
        for block in _told(found, folder):
            out().print(block)


def _told(found: "Imported", folder: Path) -> "Sequence[RenderableType]":
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from onbox.report import words
    from onbox.report.text import one_line

    what = "run" if found.runs else "measurement"
    blocks: list[RenderableType] = [Text(f"{words.count(found.imported, what)} of {found.kind} imported")]
    blocks += [Padding(Text(f"- {said}"), (0, 0, 0, 0)) for said in found.says]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("number" if found.numbers else "runs")
    table.add_column("value" if found.numbers else "passed", justify="right")
    table.add_column("trust", no_wrap=True)
    table.add_column("why", ratio=1)
    for number in found.numbers:
        value = words.quantity(number.value, number.unit)
        rate = f"\n{words.tok_s(number.decode_tok_s)}" if number.decode_tok_s and "ms" in number.unit else ""
        cells = (one_line(number.name), f"{value}{rate}")
        table.add_row(*map(Text, cells), Text(number.trust, STYLES[number.trust]), Text(number.why))
    for run in found.runs:
        name = one_line(f"{run.model}, {run.arm}, {run.task}")
        table.add_row(
            Text(name), Text(words.of(run.passed, run.runs)), Text(run.trust, STYLES[run.trust]), Text(run.why)
        )
    return [*blocks, Padding(table, (1, 0, 0, 0)), Padding(Text(f"folder  {folder}", "dim"), (1, 0, 0, 0))]
