"""`onbox verify`: recompute a trial and check the hashes of its files."""

from pathlib import Path

import click

from onbox.cli.manual import Manual
from onbox.cli.options import json_option
from onbox.cli.ui.console import out, print_json


@click.command(
    "verify",
    cls=Manual,
    examples=(
        ("onbox verify trials/mine", "has a file changed, and does the verdict follow"),
        (
            "onbox verify trials/mine --against 5f2b6c0e9d1a4b7883aa17f0c2d94e51663bb08c7e0f9a2d41c5b6e7f8091a2b",
            "compare it with the published seal",
        ),
    ),
    ends={1: "a file has changed, or the verdict does not follow"},
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--against", metavar="SHA256", default="", help="The seal that was published with the report.")
@json_option
def command(folder: Path, against: str, as_json: bool) -> None:
    """Check that no file of the trial in FOLDER has changed, and that its verdict and reports follow from its evidence.

    Whoever made the trial can forge all of it, including the seal; --against compares it with the published seal.
    """
    from onbox.app.judging import verify_trial

    found = verify_trial(folder, against=against)
    if as_json:
        mismatches = [{"file": file, "problem": problem} for file, problem in found.mismatches]
        result = {"ok": not mismatches, "mismatches": mismatches, "notes": list(found.notes), "seal": found.seal}
        print_json(result)
    found.check()
    if not as_json:
        follows = (
            ", and the verdict follows from the evidence"
            if found.by_todays_rules
            else "; it was judged by other rules than today's"
        )
        out().line(f"{folder}: every hash holds{follows}")
        out().line(f"seal {found.seal}{', as published' if against else ''}")
        for note in found.notes:
            out().line(note)
