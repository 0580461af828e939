"""`onbox bench`: agent runs against a running server."""

from pathlib import Path
from typing import Any

import click

from onbox.cli.output import err, json_option, print_json
from onbox.errors import UsageError


@click.command("bench")
@click.argument("url")
@click.option("--model", help="The model's name in requests; the server is asked if left out.")
@click.option("--tasks", help="A folder of tasks in Harbor's layout, or quick, core (if left out), builtin: all.")
@click.option("--task", "task_names", multiple=True, help="Only this task; may be given several times.")
@click.option("--runs", type=int, help="Runs of each task.")
@click.option(
    "--parallel", type=int, metavar="N", help="Runs at a time, where the engine serves several; 1 if left out."
)
@click.option("--quick", is_flag=True, help="Short for --tasks quick: three small tasks.")
@click.option("--agent", help="The agent that works on the tasks: builtin, opencode, ...")
@click.option(
    "--arms", type=click.Path(path_type=Path), help="A file of arms: treatments to compare with the baseline."
)
@click.option("--out", type=click.Path(path_type=Path), help="The evidence folder.")
@click.option("--seed", type=int, help="Another seed gives other samples; 1 if left out.")
@click.option("--no-audit", is_flag=True, help="Score tasks of your own whose gates were not audited.")
@click.option("--unsafe", is_flag=True, help="Run the agent's commands without a sandbox where none works.")
@json_option
def command(
    url: str,
    model: str | None,
    tasks: str | None,
    task_names: tuple[str, ...],
    runs: int | None,
    parallel: int | None,
    quick: bool,
    agent: str | None,
    arms: Path | None,
    out: Path | None,
    seed: int | None,
    no_audit: bool,
    unsafe: bool,
    as_json: bool,
) -> None:
    """Let an agent work on tasks with the server at URL, behind gates."""
    from onbox.cli.summary import summary
    from onbox.cli.trials import carry_out, new_folder
    from onbox.trial.arms import read_arms
    from onbox.trial.asked import Asked

    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url}: not an http or https URL", "write http://HOST:PORT/v1")
    asked = Asked(
        contenders=(url,),
        tasks=tasks,
        task_names=task_names,
        runs=runs,
        parallel=parallel,
        quick=quick,
        seed=seed,
        model=model,
        speed=None,
        kind="bench",
        agent=agent,
        arms=read_arms(arms) if arms is not None else (),
    )
    folder = new_folder(asked, out, unsafe=unsafe, audit=not no_audit)
    done = carry_out(folder)
    verdict = done.verdict
    if as_json:
        keys = ("task", "arm", "n", "outcome", "attribution", "code", "tool_calls", "seconds")
        runs_json: list[dict[str, Any]] = [
            {key: run.model_dump(mode="json")[key] for key in keys} for run in verdict.runs
        ]
        print_json({"trial": str(folder.path), "runs": runs_json})
    else:
        err().print(summary(verdict, folder.path))
    done.complain()
