"""`onbox judge`: the verdict, from evidence alone."""

from pathlib import Path

import click

from onbox.cli.manual import Manual
from onbox.cli.options import json_option
from onbox.cli.ui.console import err, out, print_json


@click.command(
    "judge",
    cls=Manual,
    examples=(
        ("onbox judge trials/mine", "the verdict again, from the evidence alone"),
        ("onbox judge trials/mine --claims rates.yaml", "with published rates to compare"),
        ("onbox judge trials/imported --incumbent old", "imported runs, where `old` is what you run now"),
    ),
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--claims", "claims_file", type=click.Path(path_type=Path), help="Published rates to compare with.")
@click.option("--incumbent", default="", metavar="MODEL", help="For imported runs: the model that you run now.")
@json_option
def command(folder: Path, claims_file: Path | None, incumbent: str, as_json: bool) -> None:
    """Judge the trial or the import in FOLDER again; nothing is written.

    Changes since the trial was sealed are printed first.
    """
    from onbox.app.imports import is_import
    from onbox.app.judging import judge_trial
    from onbox.app.sealing import changes_since_sealed, in_words
    from onbox.cli.ui.measurement import claims_of
    from onbox.cli.ui.summary import summary

    if is_import(folder):
        _imported(folder, incumbent, as_json)
        return
    verdict = judge_trial(folder, claims=claims_file or ())
    changed = changes_since_sealed(folder)
    if changed:
        err().line((f"warning  changed since it was sealed: {in_words(changed)}", "yellow"))
    if as_json:
        changes = {"changed": [{"file": file, "problem": problem} for file, problem in changed]} if changed else {}
        print_json({**verdict.model_dump(mode="json"), **changes})
        return
    screen = out()
    screen.show(summary(verdict, folder))
    for contender in verdict.contenders:
        if contender.speed and contender.speed.claims:
            screen.show(claims_of(contender.speed, contender.name))


def _imported(folder: Path, incumbent: str, as_json: bool) -> None:
    """The verdict on imported runs, and what imported numbers are worth."""
    from onbox.app.imports import judge_again
    from onbox.cli.commands.import_ import show
    from onbox.cli.ui.summary import summary

    verdict, trust = judge_again(folder, incumbent)
    if as_json:
        print_json({**verdict.model_dump(mode="json"), "imported": trust.model_dump(mode="json")})
        return
    if verdict.contenders:
        out().show(summary(verdict))
    show(trust, folder)
