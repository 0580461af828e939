"""`onbox bench`: agent runs against a running server."""

from pathlib import Path

import click

from onbox.cli.manual import Manual
from onbox.cli.options import given, json_option, network_option, set_option, tasks_of
from onbox.cli.ui.console import err, print_json, tell


@click.command(
    "bench",
    cls=Manual,
    examples=(
        ("onbox bench http://127.0.0.1:8080/v1 --quick", "three small tasks, to check that everything works"),
        ("onbox bench http://127.0.0.1:8080/v1 --tasks my-tasks --runs 5", "your own tasks, five runs of each"),
        (
            "onbox bench http://127.0.0.1:8080/v1 --agent opencode --arms arms.yaml",
            "another agent, and treatments compared with the baseline",
        ),
    ),
    ends={130: "interrupted; finished runs are kept, and the command that resumes is printed"},
)
@click.argument("url")
@click.option("--model", help="The model's name in requests; by default the server is asked.")
@click.option("--tasks", help="A folder of tasks in Harbor's layout, or the name of a set.")
@set_option
@click.option("--task", "task_names", multiple=True, help="Only this task; may be given several times.")
@click.option("--runs", type=int, help="Runs of each task.")
@click.option("--parallel", type=int, metavar="N", help="Runs at a time, if the engine serves several; default 1.")
@click.option("--quick", is_flag=True, help="Short for --tasks quick: three small tasks.")
@click.option("--agent", help="The agent that works on the tasks: builtin, opencode, ...")
@click.option(
    "--arms", type=click.Path(path_type=Path), help="A file of arms: treatments to compare with the baseline."
)
@click.option("--out", type=click.Path(path_type=Path), help="The evidence folder.")
@click.option("--seed", type=int, help="Another seed gives other samples; default 1.")
@click.option("--no-audit", is_flag=True, help="Score tasks of your own whose gates were not audited.")
@network_option
@click.option("--unsafe", is_flag=True, help="Run the agent's commands without a sandbox if none works here.")
@json_option
def command(
    url: str,
    model: str | None,
    tasks: str | None,
    task_set: str | None,
    task_names: tuple[str, ...],
    runs: int | None,
    parallel: int | None,
    quick: bool,
    agent: str | None,
    arms: Path | None,
    out: Path | None,
    seed: int | None,
    no_audit: bool,
    network: str,
    unsafe: bool,
    as_json: bool,
) -> None:
    """Let an agent work on tasks with the server at URL; a gate judges each run."""
    from onbox.app.bench import run_bench
    from onbox.cli.ui.summary import summary
    from onbox.cli.ui.trial_view import make_view

    fields = given("model", "tasks", "task_names", "runs", "parallel", "quick", "seed", "agent", "network")
    fields |= tasks_of(tasks, task_set)
    with make_view() as view:
        result = run_bench(
            url, arms=arms, out=out, audit=not no_audit, unsafe=unsafe, show=view.show, tell=tell, **fields
        )
    verdict = result.verdict
    if as_json:
        keys = ("task", "arm", "n", "outcome", "attribution", "code", "tool_calls", "seconds")
        runs_json = [{key: run.model_dump(mode="json")[key] for key in keys} for run in verdict.runs]
        print_json({"trial": str(result.folder), "runs": runs_json})
    else:
        err().show(summary(verdict, result.folder))
    result.check()
