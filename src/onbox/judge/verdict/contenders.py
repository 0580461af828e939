"""One contender over all its runs: which count, what they were, and how many of them are independent."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onbox.evidence.claims import Claim
from onbox.evidence.load import ContenderEvidence, TrialEvidence
from onbox.evidence.records import ContenderPlan, LedgerEntry, LedgerKind, Plan, RunRecord
from onbox.evidence.served_recipe import served_recipe
from onbox.judge.intervals import cluster_wilson, wilson
from onbox.judge.results import BackendProof, ContenderResult, Measurement, Outcome, RunResult, TaskCell
from onbox.judge.rounding import rounded, rounded_pair
from onbox.judge.runs.look import Look, Looker, held_to_rate
from onbox.judge.runs.observed_rate import usual_of_each_node
from onbox.judge.sight.table import judge_sight
from onbox.judge.speed.claim_evidence import with_claims
from onbox.judge.speed.measurement import measure, refused
from onbox.judge.verdict.backend import backend_proof

CellKey = tuple[str, str]
"""(task, arm)"""
OPEN_CODE = "S?-REASON-ONLY"
"""The one failure that no evidence lays to the model or to the server."""


@dataclass(frozen=True)
class JudgedRun:
    """A run with its result and what the model said in it.

    Args:
        record: what was seen.
        result: what it means.
        said: a hash over every answer, as in `Look`.
        bears: the treatments whose marks its requests show; of its own arm, its own mark.
    """

    record: RunRecord
    result: RunResult
    said: str | None
    bears: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Cell:
    """The runs of one contender on one task in one arm, as the statistics count them.

    Args:
        passed: runs that passed.
        served: runs that failed in serving, or may have.
        n: valid runs, or 1 where the contender does not sample, so that all of them said the same, word for word.
        unknown: runs of the plan that are invalid or missing.
        same: whether they were counted as one.
    """

    passed: int
    served: int
    n: int
    unknown: int
    same: bool


@dataclass(frozen=True)
class Judged:
    """A contender, judged."""

    plan: ContenderPlan
    runs: tuple[JudgedRun, ...]
    cells: Mapping[CellKey, Cell]
    result: ContenderResult
    failed: str = ""
    """Why it was not carried out to its end, by the ledger; empty when it was."""


def judge_contender(
    evidence: TrialEvidence,
    contender: ContenderEvidence,
    claims: Sequence[Claim] = (),
    looks: Sequence[Look] | None = None,
) -> Judged:
    """Judge all runs of the plan, and the first decode measurement that stands.

    Args:
        evidence: of the trial.
        contender: of that evidence.
        claims: published rates beside those of the evidence.
        looks: at the runs that the plan asks for, in their order, where they were taken already.
    """
    plan = evidence.plan
    looker = Looker(plan, evidence.ledger, contender)
    speed = _speed(contender, looker.struck)
    if speed is not None:
        speed = with_claims(evidence, contender.plan, speed, claims)
    planned = [run for run in contender.runs if looker.planned(run.record)]
    looks = [looker.look(run) for run in planned] if looks is None else looks
    seen = [(run.record, look.observed_tok_s) for run, look in zip(planned, looks, strict=True)]
    usual = usual_of_each_node(speed, seen, plan.parallel)
    runs = []
    for (record, seen_tok_s), look in zip(seen, looks, strict=True):
        result = held_to_rate(look.result, seen_tok_s, usual[record.node].of(record))
        runs.append(JudgedRun(record, result, look.said, look.bears))
    by_cell: dict[CellKey, list[JudgedRun]] = {(task.name, arm): [] for task in plan.tasks for arm in plan.arms}
    for judged in runs:
        by_cell[judged.record.task, judged.record.arm].append(judged)
    repeats = [_repeats(each) for each in by_cell.values()]
    fixed = True in repeats and False not in repeats
    cells = {key: _cell(each, plan.runs, fixed) for key, each in by_cell.items()}
    tally = _tally(plan, contender.plan, runs, cells, speed)
    sight = judge_sight(contender.sight) if contender.sight else None
    tally = tally.model_copy(update={"backend": _backend(contender), "sight": sight})
    return Judged(contender.plan, tuple(runs), cells, tally, failed=_failed(evidence.ledger, contender.plan.name))


def _may_be_serving(result: RunResult) -> bool:
    """Whether a better server could have made a pass of it, as far as anyone can tell."""
    return result.outcome is Outcome.SERVING_FAILURE or result.code == OPEN_CODE


def _tally(
    plan: Plan,
    contender: ContenderPlan,
    runs: Sequence[JudgedRun],
    cells: Mapping[CellKey, Cell],
    speed: Measurement | None,
) -> ContenderResult:
    by_task: dict[str, list[RunResult]] = defaultdict(list)
    for run in runs:
        by_task[run.result.task].append(run.result)
    valid = [run.result for run in runs if run.result.outcome is not Outcome.INVALID]
    invalid = [run.result for run in runs if run.result.outcome is Outcome.INVALID]
    passed = sum(result.outcome is Outcome.PASSED for result in valid)
    unserved = sum(_may_be_serving(result) for result in valid)
    rate = passed / len(valid) if valid else None
    independent = sum(cell.n for cell in cells.values())
    clusters = [
        (
            sum(c.passed for (t, _), c in cells.items() if t == task.name),
            sum(c.n for (t, _), c in cells.items() if t == task.name),
        )
        for task in plan.tasks
    ]
    return ContenderResult(
        name=contender.name,
        role=contender.role.value,
        passed=passed,
        valid=len(valid),
        invalid=len(invalid),
        attempted=len(plan.tasks) * len(plan.arms) * plan.runs,
        pass_rate=None if rate is None else rounded(rate),
        interval=None if rate is None else rounded_pair(wilson(rate * independent, independent)),
        population_interval=rounded_pair(cluster_wilson(clusters)),
        if_served_correctly=rounded((passed + unserved) / len(valid)) if valid else None,
        seconds_to_pass=rounded(sum(result.seconds for result in valid) / passed) if passed else None,
        cells=tuple(_task_cell(task.name, by_task[task.name]) for task in plan.tasks),
        speed=speed,
        invalid_reasons=dict(sorted(Counter(result.code for result in invalid).items())),
    )


def _task_cell(task: str, results: Sequence[RunResult]) -> TaskCell:
    invalid = sum(result.outcome is Outcome.INVALID for result in results)
    passed = sum(result.outcome is Outcome.PASSED for result in results)
    return TaskCell(task=task, passed=passed, valid=len(results) - invalid, invalid=invalid)


def _cell(runs: Sequence[JudgedRun], planned: int, fixed: bool) -> Cell:
    valid = [run for run in runs if run.result.outcome is not Outcome.INVALID]
    unknown = planned - len(valid)
    passed = sum(run.result.outcome is Outcome.PASSED for run in valid)
    served = sum(_may_be_serving(run.result) for run in valid)
    if fixed and _repeats(runs):
        return Cell(min(passed, 1), min(served, 1), 1, unknown, same=True)
    return Cell(passed, served, len(valid), unknown, same=False)


def _repeats(runs: Sequence[JudgedRun]) -> bool | None:
    """Whether all valid runs of a cell said the same, to the word, and ended alike; None where that shows nothing.

    One such cell is no fault: a model that is sure of its answer gives it with every seed. But a contender whose every
    cell is so does not sample at all (temperature 0, or a server that ignores seeds), and was asked only once.
    """
    valid = [run for run in runs if run.result.outcome is not Outcome.INVALID]
    if len(valid) < 2 or any(run.said is None for run in valid):
        return None
    return len({run.said for run in valid}) == 1 and len({run.result.outcome for run in valid}) == 1


def _backend(contender: ContenderEvidence) -> BackendProof | None:
    """What computes, by the last life of its engine."""
    served = served_recipe(contender.plan)
    return None if contender.last_life is None else backend_proof(contender.last_life, served.expect)


def _failed(ledger: Sequence[LedgerEntry], contender: str) -> str:
    """Why the contender was not carried out to its end; one that was resumed and then stopped as it should has not
    failed."""
    why = ""
    for entry in ledger:
        if entry.subject == contender and entry.kind in (LedgerKind.FAILED, LedgerKind.STOPPED):
            why = entry.reason if entry.kind is LedgerKind.FAILED else ""
    return why


def _speed(contender: ContenderEvidence, struck: Mapping[str, str]) -> Measurement | None:
    """The first measurement that was finished and stands: measuring again until it looks good gains nothing.

    Where none stands the last one is shown, without its number.
    """
    finished = contender.speeds
    stands = next((evidence for evidence in finished if evidence.where not in struck), None)
    if stands is not None:
        return measure(stands)
    return refused(measure(finished[-1]), struck[finished[-1].where]) if finished else None
