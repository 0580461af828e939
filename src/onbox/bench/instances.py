"""Instances of a task: a task folder with `generate.py` gives another task of the same kind for every seed.

The folder itself is a whole task, the instance of seed 0, which Harbor reads as it lies. For any other seed the
generator is run in a sandbox, in a copy of the folder, and changes in place whatever is to differ: names, layout, data,
and with them the instruction, the gate's data and the solution. The same seed gives the same bytes.
"""

import shutil
import stat
from dataclasses import replace
from pathlib import Path

from onbox.bench.sandbox import Bind, CommandSpec, Sandbox
from onbox.bench.tasks import GENERATOR, Task, load_task
from onbox.errors import BadSubjectError

GENERATOR_TIMEOUT_S = 20.0


class Instances:
    """The instances of tasks, each made when it is first asked for.

    Args:
        folder: where they lie; it may not exist yet.
        sandbox: where generators run.
    """

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self._folder = folder
        self._sandbox = sandbox
        self._made: dict[tuple[Path, str, int], Task] = {}

    def of(self, task: Task, seed: int) -> Task:
        """The instance of a task for a seed: the task itself where it has no generator, and for seed 0.

        Raises:
            BadSubjectError: the generator broke, or left no task.
            BoxError: the sandbox could not start.
        """
        if not task.generated or seed == 0:
            return task
        key = (task.path, task.sha256, seed)
        if key not in self._made:
            target = self._folder / str(len(self._made)) / task.name
            self._made[key] = render(task, seed, target, self._sandbox)
        return self._made[key]


def render(task: Task, seed: int, target: Path, sandbox: Sandbox) -> Task:
    """Write an instance of a task as a plain task folder, without its generator.

    Args:
        task: with a generator, unless the seed is 0.
        seed: 0 for the task as it lies.
        target: the new folder; its last part is the task's name.
        sandbox: where the generator runs.

    Raises:
        BadSubjectError: the generator broke, or left no task.
    """
    shutil.copytree(task.path, target, ignore=shutil.ignore_patterns("__pycache__"))
    # The files of an installed package may be read-only; a generator writes.
    for path in (target, *target.rglob("*")):
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    if seed != 0:
        done = sandbox.run(
            CommandSpec(
                ["python3", "-I", "-S", "-B", GENERATOR],
                binds={"TASK_DIR": Bind(target, "/task", writable=True)},
                cwd="TASK_DIR",
                timeout_s=GENERATOR_TIMEOUT_S,
                env={"SEED": str(seed)},
            )
        )
        if done.exit_code != 0:
            last = done.output.decode("utf-8", "replace").strip().rpartition("\n")[2] or "it printed nothing"
            how = "took too long" if done.exit_code is None else f"ended with exit code {done.exit_code}"
            raise BadSubjectError(f"{task.path / GENERATOR}: {how} for seed {seed}: {last}")
    if task.generated:
        for name in (GENERATOR, "genlib.py"):
            (target / name).unlink(missing_ok=True)
    return replace(load_task(target), origin_sha256=task.sha256, network=task.network)
