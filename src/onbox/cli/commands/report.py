"""`onbox report`: both reports again, from evidence alone."""

from pathlib import Path

import click

from onbox.cli.options import json_option
from onbox.cli.ui.console import err, out, print_json


@click.command("report")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--reseal", is_flag=True, help="Seal evidence that has changed; the ledger then says what.")
@json_option
def command(folder: Path, reseal: bool, as_json: bool) -> None:
    """Write report.html and report.md of the trial in FOLDER again, and seal it.

    Evidence that is not what was sealed is refused, with what changed.
    """
    from onbox.app.sealing import rewrite_reports

    path = str(rewrite_reports(folder, reseal=reseal, tell=lambda text: err().line(text)))
    if as_json:
        print_json({"path": path})
    else:
        out().line(path)
