"""`onbox task`: start a task of your own, and write a generated one as a plain folder."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from onbox.cli.output import err, json_option, print_json
from onbox.errors import UsageError

if TYPE_CHECKING:
    from onbox.bench.tasks import Answer


@click.group("task", no_args_is_help=True)
def command() -> None:
    """Start a task of your own, or write an instance of a generated one as a plain folder."""


@command.command("new")
@click.argument("name")
@click.option("--to", type=click.Path(path_type=Path), default=Path(), help="The folder of tasks; here if left out.")
@click.option(
    "--answer",
    type=click.Choice(["workspace", "reply"]),
    default="workspace",
    show_default=True,
    help="Where the gate looks: at the files, or at the agent's last message.",
)
@json_option
def new(name: str, to: Path, answer: "Answer", as_json: bool) -> None:
    """Write a small whole task that passes its audit, to be changed into your own."""
    from onbox.bench.scaffold import write_scaffold
    from onbox.bench.tasks import is_task_name

    if not is_task_name(name):
        raise UsageError(f"{name}: a task's name holds letters, digits, dot, dash and underscore")
    task = write_scaffold(to / name, answer)
    if as_json:
        print_json({"name": task.name, "path": str(task.path)})
        return
    show = err()
    show.print(f"{to / name}: a whole task; change it step by step", markup=False)
    show.print("  instruction.md         what the agent is asked", markup=False)
    if answer == "workspace":
        show.print("  environment/app        the files it gets; the gate has them in tests/original", markup=False)
    show.print("  tests/gate.py          what decides", markup=False)
    show.print("  solution               what must pass, and in solution/wrong what must fail", markup=False)
    show.print(f"next    onbox audit {to / name}", markup=False)


@command.command("render")
@click.argument("task")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="0: the task as it lies.")
@click.option("--to", type=click.Path(path_type=Path), help="The new folder; TASK-SEED here if left out.")
@click.option("--unsafe", is_flag=True, help="Run the generator without a sandbox where none works.")
@json_option
def render(task: str, seed: int, to: Path | None, unsafe: bool, as_json: bool) -> None:
    """Write the instance that TASK (a folder or a builtin one's name) has for a seed, for Harbor or to look at.

    The seed of a run is in its run.json.
    """
    from onbox.bench.instances import render as write
    from onbox.bench.sandbox.choose import choose
    from onbox.bench.tasks import BUILTIN, load_task, load_tasks

    found = load_tasks("builtin", [task])[0] if (BUILTIN / task / "task.toml").is_file() else load_task(Path(task))
    to = to or Path(f"{found.name}-{seed}")
    if to.exists():
        raise UsageError(f"{to}: is there already", "give another folder")
    instance = write(found, seed, to, choose(unsafe=unsafe))
    if as_json:
        print_json({"task": found.name, "seed": seed, "path": str(instance.path), "sha256": instance.sha256})
    else:
        what = f"the instance for seed {seed}" if found.generated else "as it is, it has no generator"
        err().print(f"{to}: {found.name}, {what}", markup=False)
