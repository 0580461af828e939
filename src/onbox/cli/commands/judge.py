"""`onbox judge`: the verdict, from evidence alone."""

from pathlib import Path

import click

from onbox.cli.output import json_option, out, print_json


@click.command("judge")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Judge the trial in FOLDER again; nothing is written."""
    from onbox.cli.finish import contract
    from onbox.cli.summary import summary
    from onbox.evidence.folder import TrialFolder
    from onbox.judge.verdict import judge

    verdict = judge(TrialFolder.open(folder))
    if as_json:
        print_json(contract(verdict))
    else:
        out().print(summary(verdict, folder))
