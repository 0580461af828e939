"""`onbox judge`: the verdict, from evidence alone."""

from pathlib import Path

import click

from onbox.cli.output import json_option, out, print_json


@click.command("judge")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--claims", "claims_file", type=click.Path(path_type=Path), help="Published rates to compare with.")
@json_option
def command(folder: Path, claims_file: Path | None, as_json: bool) -> None:
    """Judge the trial in FOLDER again; nothing is written."""
    from onbox.cli.finish import contract
    from onbox.cli.measurement import claims_told
    from onbox.cli.summary import summary
    from onbox.evidence.claims import read_claims
    from onbox.evidence.folder import TrialFolder
    from onbox.judge.verdict import judge

    claims = read_claims(claims_file).claims if claims_file else ()
    verdict = judge(TrialFolder.open(folder), claims)
    if as_json:
        print_json(contract(verdict))
    else:
        out().print(summary(verdict, folder))
        for contender in verdict.contenders:
            if contender.speed and contender.speed.claims:
                out().print(claims_told(contender.speed, contender.name))
