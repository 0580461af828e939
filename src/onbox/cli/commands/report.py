"""`onbox report`: both reports again, from evidence alone."""

from pathlib import Path

import click

from onbox.cli.output import json_option, out, print_json


@click.command("report")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Write report.html and report.md of the trial in FOLDER again, and seal it."""
    from onbox.cli.finish import finish, report_path
    from onbox.evidence.folder import TrialFolder
    from onbox.evidence.lock import locked

    trial = TrialFolder.open(folder)
    with locked(folder):
        finish(trial)
    if as_json:
        print_json({"path": str(report_path(trial))})
    else:
        out().print(str(report_path(trial)), markup=False)
