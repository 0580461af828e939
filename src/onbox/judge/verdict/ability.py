"""The difference in ability, as the records have it."""

from onbox.judge.results import AbilityDifference, TaskTally
from onbox.judge.rounding import rounded, rounded_pair
from onbox.judge.verdict.pairing import TaskPairs


def ability_difference(runs: TaskPairs) -> AbilityDifference | None:
    """Value and intervals; None without a task that both have runs of."""
    interval = rounded_pair(runs.interval)
    if interval is None:
        return None
    return AbilityDifference(
        value=rounded(float(runs.difference)),
        interval=interval,
        population_interval=rounded_pair(runs.population_interval),
    )


def task_tally(runs: TaskPairs) -> TaskTally | None:
    """Tasks better, equal and worse; None without a task that both have runs of."""
    if not runs.tasks:
        return None
    better, equal, worse = runs.tally
    return TaskTally(better=better, equal=equal, worse=worse)
