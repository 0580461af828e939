"""How far a verdict reaches: the tasks that were run, or tasks like these too."""

from onbox.judge.comparison_results import Basis
from onbox.judge.verdict.comparison import UNDECIDED, Pair, decide
from onbox.judge.verdict.pairing import TaskPairs

THESE_TASKS, TASKS_LIKE_THESE = "these tasks", "tasks like these"
_NUMBERS = ("no", "this one", "these two", "these three", "these four", "these five", "these six", "these seven",
            "these eight", "these nine", "these ten", "these eleven", "these twelve")  # fmt: skip


def scope_of(pair: Pair) -> str | None:
    """The widest scope that the rule's answer on these runs holds for; None when it is undecided.

    That the challenger is no better holds for tasks like these if its interval there ends below the margin too. What
    rests on times is of these tasks.
    """
    verdict = decide(pair)
    if verdict == UNDECIDED:
        return None
    runs = pair.runs
    if pair.weighed.basis is Basis.ABILITY:
        wide = reaches_beyond(runs, pair.population_p, level=pair.rule.level_of_look, each=pair.each)
    else:
        margin = pair.rule.values.ability_margin
        no_better = runs.population_interval is not None and runs.population_interval[1] <= margin
        wide = pair.weighed.basis is Basis.EQUAL and no_better
    return TASKS_LIKE_THESE if wide else THESE_TASKS


def reaches_beyond(runs: TaskPairs, population_p: float | None, *, level: float, each: float) -> bool:
    """Whether the sign of a difference holds for tasks like these.

    Two things must be so: over the tasks it is not chance (sign-flip: exact where either side might have been the
    luckier one on each task), and its mean is on that side of zero whatever its spread is. The sign-flip alone would
    trust small gains on the tasks that were drawn where the rare task with a large loss was not.

    Args:
        runs: of both.
        population_p: adjusted for the number of comparisons.
        level: what it must be below; less than 5 percent at a look before the last.
        each: chance of a bound on the wrong side of the truth, this comparison's share of it.
    """
    if population_p is None or population_p >= level:
        return False
    sign = runs.population_sign(1 - 2 * each)
    return sign > 0 if runs.difference > 0 else sign < 0


def these(tasks: int) -> str:
    """`this one task`, `these nine tasks`, `these 27 tasks`."""
    number = _NUMBERS[tasks] if 0 < tasks < len(_NUMBERS) else f"these {tasks}"
    return f"{number} {'task' if tasks == 1 else 'tasks'}"


def tally_words(tally: tuple[int, int, int]) -> str:
    """`better on 3, equal on 6, worse on 0`."""
    return f"better on {tally[0]}, equal on {tally[1]}, worse on {tally[2]}"
