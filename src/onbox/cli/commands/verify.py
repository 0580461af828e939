"""`onbox verify`: recompute a trial and check the hashes of its files."""

from pathlib import Path

import click

from onbox.cli.options import json_option
from onbox.cli.ui.console import out, print_json


@click.command("verify")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Check that no file of the trial in FOLDER has changed, and that its verdict follows from its evidence."""
    from onbox.app.judging import verify_trial

    found = verify_trial(folder)
    if as_json:
        mismatches = [{"file": file, "problem": problem} for file, problem in found.mismatches]
        print_json({"ok": not mismatches, "mismatches": mismatches, "notes": list(found.notes)})
    found.check()
    if not as_json:
        out().line(f"{folder}: every hash holds, and the verdict follows from the evidence")
        for note in found.notes:
            out().line(note)
