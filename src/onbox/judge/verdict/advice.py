"""What would make a verdict surer, and nothing that could not."""

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist, fmean, pvariance

from onbox.evidence.records import Plan
from onbox.judge import thresholds as limit
from onbox.judge.comparison_results import Basis, Pace
from onbox.judge.verdict.cells import distinct
from onbox.judge.verdict.comparison import SWITCH, UNDECIDED
from onbox.judge.verdict.contenders import JudgedContender
from onbox.judge.verdict.head_to_head import HeadToHead
from onbox.judge.verdict.planner import runs_that_settle
from onbox.judge.verdict.scope import THESE_TASKS
from onbox.schema.units import count, several

TASKS_MIN = 6
"""With fewer tasks no result is below p = 0.05 for tasks like these: 2 / 2^5 is 0.06."""
TASKS_MAX = 200
"""More tasks than this are not worth advising."""
NORMAL = NormalDist()


def would_settle(
    plan: Plan,
    judged: Sequence[JudgedContender],
    pair: HeadToHead | None,
    level_at: Callable[[int], float] = lambda runs: limit.P_MAX,
) -> tuple[str, ...]:
    """What to do for a surer answer; each step could change the verdict or its scope.

    Args:
        plan: of the trial.
        judged: all contenders.
        pair: that the verdict is about.
        level_at: what p must be below with so many runs of each task.
    """
    found = [step for contender in judged for step in (*_repair(contender, pair), *_serve(contender, pair))]
    if pair is not None:
        found += [*_more_runs(plan, pair, level_at), *_more_tasks(pair)]
    return tuple(found)


def unserved(contender: JudgedContender) -> int:
    """Valid runs that failed and that a better server might have made a pass of."""
    result = contender.result
    return round((result.if_served_correctly or 0.0) * result.valid) - result.passed


def _repair(contender: JudgedContender, pair: HeadToHead | None) -> list[str]:
    result = contender.result
    open_runs = result.attempted - result.valid
    if not open_runs or not _could_turn(contender, pair):
        return []
    why = several([f"{code} in {count(n, 'run')}" for code, n in result.invalid_reasons.items()])
    return [
        f"Repeat {count(open_runs, 'run')} of {result.name} without a valid end (--resume)"
        f"{f', after a repair of what made them invalid ({why})' if why else ''}."
    ]


def _could_turn(contender: JudgedContender, pair: HeadToHead | None) -> bool:
    """Whether the runs without a valid end stand in the way of a verdict, or could turn it."""
    if pair is None:
        return True
    if contender.result.valid < limit.COVERAGE_MIN * contender.result.attempted:
        return True
    return contender in (pair.incumbent, pair.challenger) and not pair.firm


def _serve(contender: JudgedContender, pair: HeadToHead | None) -> list[str]:
    if not unserved(contender) or (pair is not None and pair.verdict != UNDECIDED and pair.served == pair.plain):
        return []
    name = contender.result.name
    return [f"Serve {name} with a chat template or tool parser that fits it, and run it again."]


def _more_runs(plan: Plan, pair: HeadToHead, level_at: Callable[[int], float]) -> list[str]:
    """How many more runs would settle it for these tasks, where the rule's answer on the valid ones is open."""
    if pair.plain != UNDECIDED or pair.p is None:
        return []
    runs = pair.pair.runs
    cells = [runs_of for task in runs.tasks for runs_of in (task.old, task.new)]
    if 2 * sum(distinct(each)[1] for each in cells) <= sum(map(len, cells)):
        return ["Add tasks: where a model repeats itself word for word, more runs of the same task say nothing new."]
    old, new = pair.incumbent.result, pair.challenger.result
    faster = pair.pair.weighed.pace is Pace.FASTER and bool(new.passed)
    if old.pass_rate == new.pass_rate and old.pass_rate in (0.0, 1.0) and not faster:
        return [
            f"Take {'harder' if old.pass_rate else 'easier'} tasks: both pass {'all' if old.pass_rate else 'none'}."
        ]
    needed = runs_that_settle(pair.pair, plan.runs, level_at)
    if needed is None:
        return _uncertain(plan, pair, level_at)
    return [
        f"About {count(needed - plan.runs, 'more run')} of each task would settle it for these tasks (--runs {needed}; "
        "power 80 % on average, what few runs suggest shrunk towards no difference)."
    ]


def _uncertain(plan: Plan, pair: HeadToHead, level_at: Callable[[int], float]) -> list[str]:
    """Where no number of runs settles it with power: an even chance is said as that, and none as none."""
    even = runs_that_settle(pair.pair, plan.runs, level_at, power=0.5)
    if even is None:
        return ["Hardly any number of runs of these tasks will tell the two apart: let cost decide, or add tasks."]
    return [
        f"About {count(even - plan.runs, 'more run')} of each task would settle it for these tasks with a chance of "
        f"50 % (--runs {even}); the two may be alike, too, which runs do not show while it is open who is faster."
    ]


def _more_tasks(pair: HeadToHead) -> list[str]:
    """Tasks, where tasks are what is missing."""
    have = pair.tasks
    if pair.verdict != UNDECIDED and pair.scope != THESE_TASKS:
        return []
    if 0 < have < TASKS_MIN:
        return [
            f"Add tasks, best of your own work: with {have} no result can speak for tasks like these, "
            f"{TASKS_MIN} is the least and 12 are good."
        ]
    if pair.verdict == UNDECIDED or not have or pair.pair.weighed.basis is not Basis.ABILITY:
        return []
    needed = tasks_needed([float(task.difference) for task in pair.pair.runs.tasks], pair.verdict == SWITCH)
    many = f"about {needed} in all" if needed else f"more than {TASKS_MAX} in all"
    return [
        f"Add tasks, best of your own work: {many} would show whether it holds for tasks like these, if new ones go as "
        f"{'this one' if have == 1 else f'these {have}'} did; more runs of the same tasks cannot."
    ]


def tasks_needed(differences: Sequence[float], better: bool) -> int | None:
    """Tasks that would show the sign of a difference for tasks like these, with a power of 80 percent.

    Both parts of `scope.reaches_beyond` by their normal approximation: the sign-flip, and the bound of the mean in
    which one more task, lost or won as a whole, takes part.

    Returns:
        None when `TASKS_MAX` would not do.
    """
    sign = 1 if better else -1
    mean, variance = sign * fmean(differences), pvariance(differences)
    power, two, one = (NORMAL.inv_cdf(q) for q in (limit.POWER, 1 - limit.P_MAX / 2, 1 - limit.P_MAX))
    if mean <= 0:
        return None
    for n in range(max(TASKS_MIN, len(differences) + 1), TASKS_MAX + 1):
        drawn = (n * mean - 1) / (n + 1)
        spread = (n * (variance + mean * mean) + 1) / (n + 1) - drawn * drawn
        luck = power * math.sqrt(variance / n)
        if mean - luck >= two * math.sqrt(variance / n) and drawn - luck >= one * math.sqrt(spread / (n + 2)):
            return n
    return None
