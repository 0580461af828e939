"""`onbox judge`: the verdict, from evidence alone."""

from pathlib import Path

import click

from onbox.cli.options import json_option
from onbox.cli.ui.console import out, print_json


@click.command("judge")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--claims", "claims_file", type=click.Path(path_type=Path), help="Published rates to compare with.")
@json_option
def command(folder: Path, claims_file: Path | None, as_json: bool) -> None:
    """Judge the trial in FOLDER again; nothing is written."""
    from onbox.app.judging import judge_trial
    from onbox.cli.ui.measurement import claims_of
    from onbox.cli.ui.summary import summary

    verdict = judge_trial(folder, claims=claims_file or ())
    if as_json:
        print_json(verdict.model_dump(mode="json"))
        return
    screen = out()
    screen.show(summary(verdict, folder))
    for contender in verdict.contenders:
        if contender.speed and contender.speed.claims:
            screen.show(claims_of(contender.speed, contender.name))
