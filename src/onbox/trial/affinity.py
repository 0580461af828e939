"""Which executor does which run, so that what is compared was done by the same box."""

from collections.abc import Callable, Iterable, Sequence

from onbox.evidence.records import RunRecord
from onbox.trial.scheduler import RunJob


def run_affinity(executors: Sequence[str], tasks: Sequence[str], done: Iterable[RunRecord]) -> Callable[[RunJob], int]:
    """The executor of each job, by its index: run n of a task goes to one executor, for every contender and arm.

    Args:
        executors: their names; empty for the trial's own box.
        tasks: of the plan.
        done: the finished runs of all contenders. Where run n of a task was done already, there its pair goes.
    """
    known = {(run.task, run.n): executors.index(run.node) for run in done if run.node in executors}
    position = {task: number for number, task in enumerate(tasks)}

    def index(job: RunJob) -> int:
        turn = (position[job.task.name] + job.n - 1) % len(executors)
        return known.get((job.task.name, job.n), turn)

    return index
