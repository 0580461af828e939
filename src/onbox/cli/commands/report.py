"""`onbox report`: both reports again, from evidence alone."""

from pathlib import Path

import click

from onbox.cli.options import json_option
from onbox.cli.ui.console import out, print_json


@click.command("report")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Write report.html and report.md of the trial in FOLDER again, and seal it."""
    from onbox.app.sealing import rewrite_reports

    path = str(rewrite_reports(folder))
    if as_json:
        print_json({"path": path})
    else:
        out().line(path)
