"""`onbox regrade`: gates and attribution again, without the engine."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from onbox.cli.manual import Manual
from onbox.cli.options import json_option
from onbox.cli.ui.console import err, out, print_json
from onbox.errors import BadSubjectError

if TYPE_CHECKING:
    from onbox.app.regrade import RegradeResult


@click.command(
    "regrade",
    cls=Manual,
    examples=(
        ("onbox regrade trials/mine", "today's gates, on the workspaces that the agents left"),
        ("onbox regrade trials/mine --json", "which runs end otherwise, as JSON"),
    ),
    ends={1: "a run ends otherwise now"},
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--unsafe", is_flag=True, help="Run gates without a sandbox if none works here.")
@json_option
def command(folder: Path, unsafe: bool, as_json: bool) -> None:
    """Rebuild the workspace of each run of the trial in FOLDER, and judge it with today's gates.

    The evidence is not changed: the result is added to `regrade.jsonl`. Exit code 1 if a run ends otherwise now.
    """
    from onbox.app.regrade import regrade_trial, run_name

    result = regrade_trial(folder, unsafe=unsafe, tell=lambda text: err().line(text))
    changed, runs = result.changed, result.runs
    if as_json:
        print_json(
            {
                "changed": [run.model_dump(mode="json") for run in changed],
                "runs": len(runs),
                "not_run": [run.model_dump(mode="json") for run in result.not_run],
                "path": str(result.path),
            }
        )
    else:
        _show(result)
    if worse := result.other_outcome:
        first = f"{run_name(worse[0])}: {worse[0].code_was} -> {worse[0].code_now}"
        more = f", and {len(worse) - 1} more" if len(worse) > 1 else ""
        raise BadSubjectError(f"{folder}: today's gates give another outcome: {first}{more}")


def _show(result: "RegradeResult") -> None:
    from onbox.app.regrade import run_name

    changed, runs, screen = result.changed, result.runs, out()
    if changed:
        screen.line((f"{len(changed)} of {len(runs)} runs changed", "bold red"))
    else:
        screen.line((f"no change in {len(runs)} runs", "bold green"))
    for run in changed:
        now = run.now.reason if run.now else run.why
        screen.line(f"{run_name(run)}: {run.code_was} -> {run.code_now}: {now}", indent=2)
    for run in result.not_run:
        screen.line(f"{run_name(run)}: not run again: {run.why}", indent=2)
    screen.line(str(result.path))
