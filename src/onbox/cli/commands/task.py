"""`onbox task`: start a task of your own, make some of a repository's history, write a generated one out."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from onbox.cli.manual import ManualGroup
from onbox.cli.options import json_option
from onbox.cli.ui.console import err, print_json, tell

if TYPE_CHECKING:
    from onbox.app.tasks import MinedTasks
    from onbox.app.types import TaskAnswer


@click.group(
    "task",
    cls=ManualGroup,
    no_args_is_help=True,
    examples=(
        ("onbox task new my-first --to my-tasks", "a small complete task to change into your own"),
        ("onbox task from my-repository --to mined-tasks", "tasks from your own commits that came with tests"),
        ("onbox task render amended-tariff --seed 3", "an instance of a generated task as a plain folder"),
    ),
)
def command() -> None:
    """Start a task of your own, make tasks from a repository's history, or write an instance of a generated task."""


@command.command(
    "new",
    examples=(
        ("onbox task new my-first --to my-tasks", "then change it step by step, and audit it"),
        ("onbox task new my-question --to my-tasks --answer reply", "the gate reads the agent's last message"),
    ),
)
@click.argument("name")
@click.option(
    "--to", type=click.Path(path_type=Path), default=Path(), help="The folder of tasks; by default the current folder."
)
@click.option(
    "--answer",
    type=click.Choice(["workspace", "reply"]),
    default="workspace",
    show_default=True,
    help="What the gate judges: the files, or the agent's last message.",
)
@json_option
def new(name: str, to: Path, answer: "TaskAnswer", as_json: bool) -> None:
    """Write a small complete task that passes its audit, for you to change."""
    from onbox.app.tasks import new_task

    task = new_task(name, to, answer=answer)
    if as_json:
        print_json({"name": task.name, "path": str(task.path)})
        return
    screen = err()
    screen.line(f"{to / name}: a complete task; change it step by step")
    screen.line("  instruction.md         what the agent is asked")
    if answer == "workspace":
        screen.line("  environment/app        the files it gets; the gate has them in tests/original")
    screen.line("  tests/gate.py          what decides")
    screen.line("  solution               what must pass, and in solution/wrong what must fail")
    screen.line(f"next    onbox audit {to / name}")


@command.command(
    "from",
    examples=(
        ("onbox task from my-repository --to mined-tasks", "the newest 300 commits, until twelve tasks are kept"),
        ("onbox task from my-repository --to mined-tasks --commits 50 --keep 3", "a first look"),
    ),
    ends={1: "no commit became a task; the reasons are listed"},
)
@click.argument("repository", type=click.Path(path_type=Path))
@click.option("--to", type=click.Path(path_type=Path), required=True, help="A new folder for the tasks.")
@click.option(
    "--commits",
    type=click.IntRange(1, 100_000),
    default=300,
    show_default=True,
    help="Commits to look at, newest first.",
)
@click.option("--keep", type=click.IntRange(1, 1000), default=12, show_default=True, help="Stop after so many tasks.")
@click.option(
    "--env",
    "environment",
    type=click.Path(path_type=Path),
    help="A virtual environment, or a folder with node_modules; by default the repository's own.",
)
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Commits tried in parallel.")
@click.option("--minutes", type=click.FloatRange(min=0.1), help="Time limit for everything; tasks kept by then stay.")
@click.option("--unsafe", is_flag=True, help="Run the tests without a sandbox if none works here.")
@json_option
def from_history(
    repository: Path,
    to: Path,
    commits: int,
    keep: int,
    environment: Path | None,
    jobs: int,
    minutes: float | None,
    unsafe: bool,
    as_json: bool,
) -> None:
    """Make tasks from the commits of REPOSITORY whose own tests fail before and pass after.

    Nothing is downloaded, and the repository's tests run in the sandbox. Every task that is kept passes its audit.
    """
    from onbox.app.tasks import tasks_from

    result = tasks_from(
        repository,
        to,
        commits=commits,
        keep=keep,
        environment=environment,
        jobs=jobs,
        minutes=minutes,
        unsafe=unsafe,
        tell=lambda text: tell(text),
    )
    if as_json:
        print_json(
            {
                "looked_at": result.looked_at,
                "kept": [{"name": end.name, "commit": end.commit} for end in result.kept],
                "dropped": [{"commit": end.commit, "why": end.why} for end in result.dropped],
            }
        )
    else:
        _show(result)
    result.check()


def _show(result: "MinedTasks") -> None:
    screen = err()
    reasons = [end.why.partition(":")[0] for end in result.dropped]
    screen.line(f"looked at {result.looked_at} commits, kept {len(result.kept)}, dropped {len(result.dropped)}")
    for why in sorted(set(reasons), key=lambda why: -reasons.count(why)):
        screen.line(f"{reasons.count(why):4} dropped: {why}", indent=2)
    thin = [end.name for end in result.kept if end.says_little]
    if thin:
        screen.line(f"{len(thin)} say little about what should be done: {', '.join(thin)}", indent=2)
    if result.kept:
        screen.line(f"next    read and correct each instruction.md; onbox trial ... --tasks {result.folder}")


@command.command(
    "render",
    examples=(
        ("onbox task render amended-tariff --seed 3 --to tariff-3", "the instance that a run with this seed got"),
        ("onbox task render my-tasks/my-first", "a task of your own"),
    ),
    ends={1: "its generator fails for this seed"},
)
@click.argument("task")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="0: the task as it is.")
@click.option(
    "--to", type=click.Path(path_type=Path), help="The new folder; by default TASK-SEED in the current folder."
)
@click.option("--unsafe", is_flag=True, help="Run the generator without a sandbox if none works here.")
@json_option
def render(task: str, seed: int, to: Path | None, unsafe: bool, as_json: bool) -> None:
    """Write the instance of TASK (a folder or the name of a builtin task) for a seed, for Harbor or to inspect it.

    The seed of a run is in its run.json.
    """
    from onbox.app.tasks import render_task

    found, instance = render_task(task, seed=seed, to=to, unsafe=unsafe)
    if as_json:
        print_json({"task": found.name, "seed": seed, "path": str(instance.path), "sha256": instance.sha256})
    else:
        what = f"the instance for seed {seed}" if found.generated else "as it is, it has no generator"
        err().line(f"{instance.path}: {found.name}, {what}")
