"""`onbox export`: a trial in other tools' formats."""

from pathlib import Path

import click

from onbox.cli.manual import Manual
from onbox.cli.options import json_option
from onbox.cli.ui.console import err, print_json
from onbox.cli.ui.console import out as stdout


@click.command(
    "export",
    cls=Manual,
    examples=(
        ("onbox export trials/mine --to csv", "every run and rate as a table"),
        ("onbox export trials/mine --to llama-benchy --out rates.json", "the rates in the format of another tool"),
    ),
    ends={1: "the trial holds nothing for this format, or was changed since it was sealed"},
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--to", "kind", required=True, metavar="KIND", help="The format; an unknown one prints the list.")
@click.option("--out", type=click.Path(path_type=Path), help="Output path; by default FOLDER.KIND next to the folder.")
@json_option
def command(folder: Path, kind: str, out: Path | None, as_json: bool) -> None:
    """Write the trial in FOLDER in the format KIND of another tool; the folder is not changed."""
    from onbox.app.exporting import export_trial

    made = export_trial(folder, kind, out)
    for note in made.notes:
        err().line(f"note  {note}")
    if as_json:
        print_json({"path": str(made.path), "notes": list(made.notes)})
    else:
        stdout().line(str(made.path))
