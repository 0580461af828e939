"""`onbox regrade`: gates and attribution again, without the engine."""

from pathlib import Path

import click

from onbox.cli.options import json_option
from onbox.cli.ui.console import err, out, print_json


@click.command("regrade")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--unsafe", is_flag=True, help="Run gates without a sandbox where none works.")
@json_option
def command(folder: Path, unsafe: bool, as_json: bool) -> None:
    """Rebuild what each agent left in the trial in FOLDER, and let the gates, as they are now, judge it again.

    The evidence stays as it is: what came out is added to `regrade.jsonl`.
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
        return
    screen = out()
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
