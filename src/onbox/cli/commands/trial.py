"""`onbox trial`: the main job."""

from pathlib import Path
from typing import Any

import click

from onbox.cli.output import err, json_option, print_json
from onbox.errors import UsageError


@click.command("trial")
@click.argument("contenders", nargs=-1)
@click.option("--out", type=click.Path(path_type=Path), help="The evidence folder; trials/trial-DATE-TIME if left out.")
@click.option("--resume", type=click.Path(path_type=Path), help="Go on with a trial that was interrupted.")
@click.option("--runs", type=int, help="Runs of each task by each contender.")
@click.option(
    "--parallel", type=int, metavar="N", help="Runs at a time, where the engine serves several; 1 if left out."
)
@click.option(
    "--ray",
    metavar="ADDRESS",
    help="Spread the runs over the nodes of the Ray cluster at HOST:PORT, of which this box is one.",
)
@click.option("--quick", is_flag=True, help="Short for --tasks quick: three small tasks.")
@click.option("--tasks", help="A folder of tasks in Harbor's layout, or quick, core (if left out), builtin: all.")
@click.option("--task", "task_names", multiple=True, help="Only this task; may be given several times.")
@click.option("--reserve", type=click.FloatRange(0), metavar="GIB", help="Memory that must stay available, in GiB.")
@click.option("--seed", type=int, help="Another seed gives other samples; 1 if left out.")
@click.option("--agent", help="The agent that works on the tasks: builtin, opencode, ...")
@click.option("--no-speed", is_flag=True, help="Leave the decode measurement out.")
@click.option("--no-audit", is_flag=True, help="Score tasks of your own whose gates were not audited.")
@click.option("--unsafe", is_flag=True, help="Run agents' commands without a sandbox where none works.")
@json_option
def command(
    contenders: tuple[str, ...],
    out: Path | None,
    resume: Path | None,
    runs: int | None,
    parallel: int | None,
    ray: str | None,
    quick: bool,
    tasks: str | None,
    task_names: tuple[str, ...],
    reserve: float | None,
    seed: int | None,
    agent: str | None,
    no_speed: bool,
    no_audit: bool,
    unsafe: bool,
    as_json: bool,
) -> None:
    """Measure contenders on this box, let them do tasks as coding agents, judge.

    A CONTENDER is a URL of an OpenAI-compatible server, a GGUF file, a recipe (file or name), or one trial file. The
    first is the incumbent. With none, two small models that come with onbox compete.
    """
    from onbox.cli.finish import contract, report_path
    from onbox.cli.summary import summary
    from onbox.cli.trials import carry_out, new_folder
    from onbox.evidence.folder import TrialFolder
    from onbox.trial.asked import Asked

    if resume is not None:
        _alone(click.get_current_context())
        folder = TrialFolder.open(resume)
    else:
        asked: dict[str, Any] = {"speed": None} if no_speed else {}
        asked |= {"contenders": contenders, "tasks": tasks, "task_names": task_names, "runs": runs}
        kept = None if reserve is None else round(reserve * 2**30)
        wanted = Asked(**asked, parallel=parallel, ray=ray, quick=quick, seed=seed, agent=agent, reserve_bytes=kept)
        folder = new_folder(wanted, out, unsafe=unsafe, audit=not no_audit)
    done = carry_out(folder, resumed=resume is not None, ray=ray)
    verdict = done.verdict
    err().print(summary(verdict, folder.path))
    if as_json:
        title = {"title": verdict.trial}
        places = {"trial": str(folder.path), "report": str(report_path(folder))}
        print_json({**contract(verdict), **title, **places})
    done.complain()


def _alone(context: click.Context) -> None:
    """Refuse what would change a plan that is frozen already."""
    for name in context.params:
        told = context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if told and name not in ("resume", "ray", "as_json") and context.params[name] != ():
            raise UsageError("--resume: the plan is frozen in the folder", "give --resume DIR alone")
