"""Each treatment against the baseline, contender by contender, on pairs of runs with the same task and seed."""

from collections.abc import Sequence
from fractions import Fraction
from math import comb

from onbox.evidence.records import Plan
from onbox.judge.results import ArmResult, Outcome, RunResult
from onbox.judge.rounding import rounded
from onbox.judge.statistics import holm
from onbox.judge.verdict.contenders import Judged


def compare_arms(plan: Plan, judged: Sequence[Judged]) -> tuple[ArmResult, ...]:
    """One result for each contender and treatment; none for a plan without treatments."""
    return tuple(result for contender in judged for result in _of_contender(plan, contender))


def mcnemar_exact(better: int, worse: int) -> float | None:
    """Chance of so uneven a split of the pairs that differ, two-sided; None when no pair differs.

    McNemar's test without approximation: under no effect each such pair falls either way with probability 1/2.
    """
    n = better + worse
    if n == 0:
        return None
    tail: int = sum(comb(n, k) for k in range(min(better, worse) + 1))
    return min(1.0, float(Fraction(2 * tail, 2**n)))


def _of_contender(plan: Plan, contender: Judged) -> list[ArmResult]:
    baseline, *treatments = plan.arms
    found = [_compare(contender, baseline, arm) for arm in treatments]
    known = iter(holm([result.p for result in found if result.p is not None]))
    return [result if result.p is None else result.model_copy(update={"p": rounded(next(known))}) for result in found]


def _compare(contender: Judged, baseline: str, arm: str) -> ArmResult:
    valid = {
        (run.result.arm, run.result.task, run.result.n): run.result
        for run in contender.runs
        if run.result.outcome is not Outcome.INVALID
    }
    pairs = [
        (valid[baseline, task, n], result)
        for (of, task, n), result in sorted(valid.items())
        if of == arm and (baseline, task, n) in valid
    ]
    independent = _independent(contender, baseline, arm, pairs)
    better = sum(_passed(new) and not _passed(old) for old, new in independent)
    worse = sum(_passed(old) and not _passed(new) for old, new in independent)
    return ArmResult(
        contender=contender.result.name,
        arm=arm,
        pairs=len(pairs),
        passed=sum(_passed(new) for _, new in pairs),
        baseline_passed=sum(_passed(old) for old, _ in pairs),
        better=better,
        worse=worse,
        p=mcnemar_exact(better, worse),
    )


def _independent(
    contender: Judged, baseline: str, arm: str, pairs: Sequence[tuple[RunResult, RunResult]]
) -> list[tuple[RunResult, RunResult]]:
    """The pairs, of a task whose runs repeat each other word for word only the first."""
    found, seen = [], set[str]()
    for old, new in pairs:
        same = contender.cells[old.task, baseline].same and contender.cells[old.task, arm].same
        if not (same and old.task in seen):
            found.append((old, new))
        seen.add(old.task)
    return found


def _passed(result: RunResult) -> bool:
    return result.outcome is Outcome.PASSED
