"""Which place does which run, so that what is compared was done by the same box."""

from collections.abc import Callable, Iterable, Sequence

from onbox.evidence.records import RunRecord
from onbox.trial.lanes import Order


def homes(places: Sequence[str], tasks: Sequence[str], done: Iterable[RunRecord]) -> Callable[[Order], int]:
    """The home of each order: run n of a task goes to one place, for every contender and arm.

    Args:
        places: their names; empty for the trial's own box.
        tasks: of the plan.
        done: the finished runs of all contenders. Where run n of a task was done already, there its pair goes.
    """
    known = {(run.task, run.n): places.index(run.node) for run in done if run.node in places}
    position = {task: number for number, task in enumerate(tasks)}

    def home(order: Order) -> int:
        turn = (position[order.task.name] + order.n - 1) % len(places)
        return known.get((order.task.name, order.n), turn)

    return home
