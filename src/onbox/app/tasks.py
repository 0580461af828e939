"""Start a task of one's own; write an instance of a generated one as a plain folder."""

from pathlib import Path

from onbox.bench.instances import render
from onbox.bench.sandbox.choose import choose
from onbox.bench.scaffold import write_scaffold
from onbox.bench.tasks import BUILTIN, Answer, Task, is_task_name, load_task, load_tasks
from onbox.errors import UsageError


def new_task(name: str, folder: Path | str = ".", *, answer: Answer = "workspace") -> Task:
    """Write a small whole task that passes its audit, to be changed into one's own.

    Args:
        name: of the task.
        folder: of tasks; the task is a folder in it.
        answer: where the gate looks: `workspace` or `reply`.

    Raises:
        UsageError: the name is none for a task, or the folder is there already.
    """
    if not is_task_name(name):
        raise UsageError(f"{name}: a task's name holds letters, digits, dot, dash and underscore")
    return write_scaffold(Path(folder) / name, answer)


def render_task(task: str, *, seed: int = 0, to: Path | None = None, unsafe: bool = False) -> tuple[Task, Task]:
    """Write the instance that a task has for a seed.

    Args:
        task: a folder, or a builtin one's name.
        seed: 0: the task without its generator.
        to: the new folder; TASK-SEED here if left out.
        unsafe: run the generator without a sandbox where none works.

    Returns:
        the task and its instance.

    Raises:
        UsageError: there is no such task, or the folder is there already.
        BoxError: no sandbox works here.
    """
    found = load_tasks("builtin", [task])[0] if (BUILTIN / task / "task.toml").is_file() else load_task(Path(task))
    to = to or Path(f"{found.name}-{seed}")
    if to.exists():
        raise UsageError(f"{to}: is there already", "give another folder")
    return found, render(found, seed, to, choose(unsafe=unsafe))
