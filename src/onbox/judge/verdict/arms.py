"""Each treatment against the baseline, contender by contender, on pairs of runs with the same task and seed."""

from collections.abc import Sequence

from onbox.evidence.records import Plan
from onbox.judge import thresholds as limit
from onbox.judge.results import ArmResult
from onbox.judge.rounding import rounded
from onbox.judge.statistics import holm
from onbox.judge.verdict.ability import ability_difference, task_tally
from onbox.judge.verdict.cells import CountedRun
from onbox.judge.verdict.contenders import JudgedContender
from onbox.judge.verdict.pairing import TaskPair, TaskPairs
from onbox.judge.verdict.scope import TASKS_LIKE_THESE, THESE_TASKS, reaches_beyond


def compare_arms(plan: Plan, judged: Sequence[JudgedContender], level: float = limit.P_MAX) -> tuple[ArmResult, ...]:
    """One result for each contender and treatment; none for a plan without treatments.

    Args:
        plan: of the trial.
        judged: all contenders.
        level: what p must be below at this look.
    """
    return tuple(result for contender in judged for result in _of_contender(plan, contender, level))


def _of_contender(plan: Plan, contender: JudgedContender, level: float) -> list[ArmResult]:
    baseline, *treatments = plan.arms
    runs = [_paired(plan, contender, baseline, arm) for arm in treatments]
    differing = [each for each in runs if _turned(each) != (0, 0)]
    suite = dict(zip(map(id, differing), holm([each.suite_p or 0.0 for each in differing]), strict=True))
    wide = dict(zip(map(id, differing), holm([each.population_p or 0.0 for each in differing]), strict=True))
    return [
        _result(contender, arm, each, (suite.get(id(each)), wide.get(id(each))), (level, level / len(treatments)))
        for arm, each in zip(treatments, runs, strict=True)
    ]


def _paired(plan: Plan, contender: JudgedContender, baseline: str, arm: str) -> TaskPairs:
    """Runs that have a valid counterpart, task by task; both arms asked the same model, so seeds make them pairs."""
    found = []
    for task in plan.tasks:
        old, new = (
            {run.n: run for run in contender.cells[task.name, of].runs if run.n is not None} for of in (baseline, arm)
        )
        shared = sorted(old.keys() & new.keys())
        if shared:
            found.append(TaskPair(task.name, _of(old, shared), _of(new, shared), same_model=True))
    return TaskPairs(tuple(found))


def _of(runs: dict[int, CountedRun], numbers: Sequence[int]) -> tuple[CountedRun, ...]:
    return tuple(runs[n] for n in numbers)


def _turned(runs: TaskPairs) -> tuple[int, int]:
    """Pairs in which only the treatment passed, and only the baseline."""
    pairs = [pair for task in runs.tasks for pair in task.pairs]
    return pairs.count((False, True)), pairs.count((True, False))


def _result(
    contender: JudgedContender,
    arm: str,
    runs: TaskPairs,
    found: tuple[float | None, float | None],
    levels: tuple[float, float],
) -> ArmResult:
    (p, population_p), (level, each) = found, levels
    pairs = [pair for task in runs.tasks for pair in task.pairs]
    better, worse = _turned(runs)
    scope = None
    if p is not None and p < level and runs.difference:
        scope = TASKS_LIKE_THESE if reaches_beyond(runs, population_p, level=level, each=each) else THESE_TASKS
    return ArmResult(
        contender=contender.result.name,
        arm=arm,
        pairs=len(pairs),
        passed=sum(new for _, new in pairs),
        baseline_passed=sum(old for old, _ in pairs),
        better=better,
        worse=worse,
        p=None if p is None else rounded(p),
        population_p=None if population_p is None else rounded(population_p),
        difference=ability_difference(runs),
        tasks=task_tally(runs),
        scope=scope,
    )
