"""Start a task of one's own; make some of a repository's history; write an instance of a generated one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from onbox.bench.history.commit_tasks import DroppedCommit, MinedTask
from onbox.bench.history.mining import JOBS, mine
from onbox.bench.instances import render
from onbox.bench.sandbox.choose import choose
from onbox.bench.scaffold import write_scaffold
from onbox.bench.tasks import BUILTIN, Answer, Task, is_task_name, load_task, load_tasks
from onbox.errors import BadSubjectError, UsageError

COMMITS = 300
KEEP = 12


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
        raise UsageError(f"{name}: a task's name may contain letters, digits, dot, dash and underscore")
    return write_scaffold(Path(folder) / name, answer)


class RenderedTask(NamedTuple):
    """A task, and its instance for a seed."""

    task: Task
    instance: Task


def render_task(task: str, *, seed: int = 0, to: Path | None = None, unsafe: bool = False) -> RenderedTask:
    """Write the instance that a task has for a seed.

    Args:
        task: a folder, or a builtin one's name.
        seed: 0: the task without its generator.
        to: the new folder; TASK-SEED here if left out.
        unsafe: run the generator without a sandbox where none works.

    Raises:
        UsageError: there is no such task, or the folder is there already.
        BoxError: no sandbox works here.
    """
    builtin = (BUILTIN / task / "task.toml").is_file()
    if not builtin and not Path(task).is_dir():
        raise UsageError(f"{task}: neither a folder of a task nor a builtin one", "onbox task render --help")
    found = load_tasks("builtin", [task])[0] if builtin else load_task(Path(task))
    to = to or Path(f"{found.name}-{seed}")
    if to.exists():
        raise UsageError(f"{to}: is there already", "give another folder")
    return RenderedTask(found, render(found, seed, to, choose(unsafe=unsafe)))


@dataclass(frozen=True)
class MinedTasks:
    """What became of a repository's commits.

    Args:
        folder: of the tasks.
        looked_at: number of commits.
        kept: the tasks; a large commit may have made several.
        dropped: the commits that made none, with the reason of each.
    """

    folder: Path
    looked_at: int
    kept: tuple[MinedTask, ...]
    dropped: tuple[DroppedCommit, ...]

    def check(self) -> None:
        """Do nothing where a task was made.

        Raises:
            BadSubjectError: none was.
        """
        if not self.looked_at:
            raise BadSubjectError("no commit could be completed in that time", "give more --minutes")
        if not self.kept:
            reasons = [end.why for end in self.dropped]
            most = max(dict.fromkeys(reasons), key=reasons.count)
            raise BadSubjectError(
                f"none of {self.looked_at} commits makes a task; most often: {most}",
                "--commits N looks further back, --env DIR gives the packages that the tests need",
            )


def tasks_from(
    repository: Path | str,
    to: Path | str,
    *,
    commits: int = COMMITS,
    keep: int = KEEP,
    environment: Path | None = None,
    jobs: int = JOBS,
    minutes: float | None = None,
    unsafe: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> MinedTasks:
    """Make tasks of commits that came with tests which fail before and pass after; each passes its audit.

    Args:
        repository: its folder; nothing of it runs outside the sandbox, and nothing is fetched.
        to: a new folder for the tasks.
        commits: how many to look at, newest first.
        keep: how many tasks are enough.
        environment: a virtual environment, or a folder with `node_modules`; None: the repository's own.
        jobs: commits that are tried side by side.
        minutes: for all of it; what is kept by then stays.
        unsafe: run the tests without a sandbox where none works.
        tell: called with a line for each commit that is tried, kept or dropped.

    Raises:
        UsageError: it is no repository, has no commits but merges, or the folder is there already.
        BoxError: git is missing, or no sandbox works here.
    """
    target, kept, dropped = Path(to), list[MinedTask](), list[DroppedCommit]()
    if target.exists() and any(target.iterdir()):
        raise UsageError(f"{target}: is there already", "give another folder")
    ends = mine(
        Path(repository),
        target,
        choose(unsafe=unsafe),
        commits=commits,
        keep=keep,
        environment=environment,
        tell=tell,
        jobs=jobs,
        limit_s=None if minutes is None else 60 * minutes,
    )
    for end in ends:
        if isinstance(end, MinedTask):
            kept.append(end)
            tell(f"{end.commit[:10]} kept as {end.name}")
        else:
            dropped.append(end)
            tell(f"{end.commit[:10]} dropped: {end.why}")
    return MinedTasks(
        target, len({end.commit for end in kept} | {end.commit for end in dropped}), tuple(kept), tuple(dropped)
    )
