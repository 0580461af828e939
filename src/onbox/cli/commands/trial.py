"""`onbox trial`: the main job."""

from pathlib import Path

import click

from onbox.cli.manual import GUARDED, Manual
from onbox.cli.options import bytes_of, given, json_option, network_option, set_option, tasks_of
from onbox.cli.ui.console import err, print_json, tell
from onbox.errors import UsageError


@click.command(
    "trial",
    cls=Manual,
    examples=(
        ("onbox trial", "two small models with builtin recipes, on this box"),
        (
            "onbox trial http://127.0.0.1:8080/v1 http://127.0.0.1:8081/v1",
            "the server that you run now against a challenger",
        ),
        (
            "onbox trial qwen2.5-coder-1.5b models/new.gguf --tasks my-tasks --runs 5",
            "a builtin recipe against your file, on your own tasks",
        ),
        ("onbox trial --resume trials/mine", "continue after an interruption"),
    ),
    ends={
        3: "this box cannot do it, or a contender did not finish; one line says why",
        4: GUARDED,
        130: "interrupted; finished runs are kept, and the command that resumes is printed",
    },
)
@click.argument("contenders", nargs=-1)
@click.option("--out", type=click.Path(path_type=Path), help="The evidence folder; by default trials/trial-DATE-TIME.")
@click.option("--resume", type=click.Path(path_type=Path), help="Continue a trial that was interrupted.")
@click.option("--runs", type=int, help="Runs of each task by each contender; with --resume: more than planned.")
@click.option(
    "--until",
    type=click.Choice(["all", "settled"]),
    help="settled: judge in between and end as soon as the verdict is settled; --runs is then the maximum.",
)
@click.option(
    "--spending",
    type=click.Choice(["obrien-fleming", "e-process"]),
    help="How the looks of --until settled share the error probability.",
)
@click.option("--parallel", type=int, metavar="N", help="Runs at a time, if the engine serves several; default 1.")
@click.option(
    "--ray",
    metavar="ADDRESS",
    help="Spread the runs over the nodes of the Ray cluster at HOST:PORT, of which this box is one.",
)
@click.option(
    "--quants",
    multiple=True,
    metavar="SRC",
    help="Compare quants of one model: a folder of GGUF files, a file or a recipe; may be given several times.",
)
@click.option("--quick", is_flag=True, help="Short for --tasks quick: three small tasks.")
@click.option("--tasks", help="A folder of tasks in Harbor's layout, or the name of a set.")
@set_option
@click.option("--task", "task_names", multiple=True, help="Only this task; may be given several times.")
@click.option("--reserve", type=click.FloatRange(0), metavar="GIB", help="Memory that must stay available, in GiB.")
@click.option("--seed", type=int, help="Another seed gives other samples; default 1.")
@click.option(
    "--values",
    "values_file",
    type=click.Path(path_type=Path),
    help="What you value, as a YAML file: margins, what a minute is worth, what a model must have.",
)
@click.option("--agent", help="The agent that works on the tasks: builtin, opencode, ...")
@click.option("--no-speed", is_flag=True, help="Skip the decode measurement.")
@click.option("--no-audit", is_flag=True, help="Score tasks of your own whose gates were not audited.")
@network_option
@click.option("--unsafe", is_flag=True, help="Run agents' commands without a sandbox if none works here.")
@json_option
def command(
    contenders: tuple[str, ...],
    out: Path | None,
    resume: Path | None,
    runs: int | None,
    until: str | None,
    spending: str | None,
    parallel: int | None,
    ray: str | None,
    quants: tuple[str, ...],
    quick: bool,
    tasks: str | None,
    task_set: str | None,
    task_names: tuple[str, ...],
    reserve: float | None,
    seed: int | None,
    values_file: Path | None,
    agent: str | None,
    no_speed: bool,
    no_audit: bool,
    network: str,
    unsafe: bool,
    as_json: bool,
) -> None:
    """Measure contenders on this box, let them work on tasks as coding agents, and judge them.

    A CONTENDER is a URL of an OpenAI-compatible server, a GGUF file, a recipe (file or name), or one trial file. The
    first is the incumbent. Without any, two small models with builtin recipes compete.
    """
    from onbox.app.sealing import report_path
    from onbox.app.trials import TrialSpec, plan_trial, run_trial, values_of
    from onbox.cli.ui.summary import summary
    from onbox.cli.ui.trial_view import make_view

    if resume is not None:
        _refuse_changes()
        folder = resume
    else:
        names = ("contenders", "tasks", "task_names", "runs", "parallel", "ray", "quick", "seed", "agent", "network")
        fields = given(*names, "quants", "until", "spending") | tasks_of(tasks, task_set)
        fields |= {"speed": None} if no_speed else {}
        values = values_of(values_file) if values_file else None
        spec = TrialSpec(**fields, reserve_bytes=bytes_of(reserve), values=values)
        folder = plan_trial(spec, out, unsafe=unsafe, audit=not no_audit, tell=tell).path
    with make_view() as view:
        more = runs if resume is not None else None
        result = run_trial(folder, show=view.show, resume=resume is not None, ray=ray, runs=more)
    err().show(summary(result.verdict, result.folder))
    if as_json:
        title = {"title": result.verdict.trial}
        places = {"trial": str(result.folder), "report": str(report_path(result.folder))}
        print_json({**result.verdict.model_dump(mode="json"), **title, **places})
    result.check()


def _refuse_changes() -> None:
    """Refuse what would change a plan that is frozen already."""
    if set(given()) - {"resume", "ray", "runs", "as_json"}:
        raise UsageError(
            "--resume: the plan is frozen in the folder", "give only --resume DIR, or also a larger --runs"
        )
