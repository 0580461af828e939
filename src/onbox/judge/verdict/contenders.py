"""One contender over all its runs: which count, what they were, and how many of them are independent."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from onbox.evidence.claims import Claim
from onbox.evidence.records import ContenderPlan, LedgerEntry, LedgerKind, Plan, PreflightCase
from onbox.evidence.trial_evidence import ContenderEvidence, TrialEvidence
from onbox.judge.intervals import clopper_pearson
from onbox.judge.mean_bounds import mean_interval
from onbox.judge.results import BackendProof, ContenderResult, Measurement, Outcome, RunResult, TaskCell
from onbox.judge.rounding import rounded, rounded_pair
from onbox.judge.runs.observed_rate import usual_of_each_node
from onbox.judge.runs.run_context import struck_out
from onbox.judge.runs.run_summary import RunSummarizer, RunSummary, held_to_rate, planted_words
from onbox.judge.sight.table import judge_sight
from onbox.judge.speed.claim_evidence import with_claims
from onbox.judge.speed.measurement import measure, refused
from onbox.judge.verdict.backend import backend_proof
from onbox.judge.verdict.cells import Cell, CellKey, Slot, effective, repeats
from onbox.judge.verdict.standing import ContenderFacts, facts_of
from onbox.schema.recipe import Expect

OPEN_CODE = "S?-REASON-ONLY"
"""The one failure that no evidence lays to the model or to the server."""


@dataclass(frozen=True)
class JudgedContender:
    """A contender, judged.

    Args:
        plan: of it.
        runs: of all arms, held to the usual rate of their server.
        cells: of all arms.
        result: over the baseline arm alone.
        arm: the baseline.
        failed: why it was not carried out to its end, by the ledger; empty when it was.
        facts: what else is known of it.
        model_name: of a model that its server does not list.
    """

    plan: ContenderPlan
    runs: tuple[RunSummary, ...]
    cells: Mapping[CellKey, Cell]
    result: ContenderResult
    arm: str
    failed: str = ""
    facts: ContenderFacts = field(default_factory=ContenderFacts)
    model_name: PreflightCase | None = None

    @property
    def baseline(self) -> dict[str, Cell]:
        """The cells that are compared with another contender's, by task: a treatment is no part of what it is."""
        return {task: cell for (task, arm), cell in self.cells.items() if arm == self.arm}


def judge_contender(
    evidence: TrialEvidence,
    contender: ContenderEvidence,
    claims: Sequence[Claim] = (),
    summaries: Sequence[RunSummary] | None = None,
) -> JudgedContender:
    """Judge all runs of the plan, and the first decode measurement that stands.

    Args:
        evidence: of the trial.
        contender: of that evidence.
        claims: published rates beside those of the evidence.
        summaries: of the runs that the plan asks for, in their order, where they were made already.
    """
    plan = evidence.plan
    speed = _speed(contender, struck_out(evidence.ledger))
    if speed is not None:
        speed = with_claims(evidence, contender.plan, speed, claims)
    runs = _held_to_rate(_summaries(evidence, contender) if summaries is None else summaries, speed, plan.parallel)
    by_cell: dict[CellKey, list[RunSummary]] = {(task.name, arm): [] for task in plan.tasks for arm in plan.arms}
    for run in runs:
        by_cell[run.result.task, run.result.arm].append(run)
    cells = {key: _cell(each, plan.runs) for key, each in by_cell.items()}
    own = [run for run in runs if run.result.arm == plan.arms[0]]
    tally = _tally(plan, contender.plan, own, cells, speed)
    sight = judge_sight(contender.sight) if contender.sight else None
    tally = tally.model_copy(update={"backend": _backend(contender), "sight": sight})
    failed = _failed(evidence.ledger, contender.plan.name)
    timed = _seconds(own, [cells[task.name, plan.arms[0]] for task in plan.tasks])
    facts = facts_of(contender, *timed, sees=sight.sees if sight else None)
    return JudgedContender(contender.plan, tuple(runs), cells, tally, plan.arms[0], failed, facts, contender.model_name)


def _summaries(evidence: TrialEvidence, contender: ContenderEvidence) -> list[RunSummary]:
    """Of the runs that the plan asks for."""
    words = planted_words(run.record for run in contender.runs)
    summarizer = RunSummarizer(evidence.plan, evidence.ledger, contender, words)
    return [summarizer.summarize(run) for run in contender.runs if summarizer.planned(run.record)]


def _held_to_rate(summaries: Sequence[RunSummary], speed: Measurement | None, parallel: int) -> list[RunSummary]:
    """The runs, those that ran out of time on a server that was far below its usual rate as invalid."""
    usual = usual_of_each_node(speed, [(run.result, run.observed_tok_s) for run in summaries], parallel)
    found = []
    for run in summaries:
        result = held_to_rate(run.result, run.observed_tok_s, usual[run.result.node].of(run.result))
        found.append(run if result is run.result else replace(run, result=result))
    return found


def _seconds(runs: Sequence[RunSummary], cells: Sequence[Cell]) -> tuple[dict[tuple[str, int], float], float]:
    """(seconds of each valid run by task and number, share of them that are no copies of another)."""
    valid = [run.result for run in runs if run.result.outcome is not Outcome.INVALID]
    sizes = [size for cell in cells for size in repeats(cell.runs)]
    share = effective(sizes) / sum(sizes) if sizes else 1.0
    return {(result.task, result.n): result.seconds for result in valid}, share


def _may_be_serving(result: RunResult) -> bool:
    """Whether a better server could have made a pass of it, as far as anyone can tell."""
    return result.outcome is Outcome.SERVING_FAILURE or result.code == OPEN_CODE


def _tally(
    plan: Plan,
    contender: ContenderPlan,
    runs: Sequence[RunSummary],
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
    own = [cell for (_, arm), cell in cells.items() if arm == plan.arms[0]]
    return ContenderResult(
        name=contender.name,
        role=contender.role.value,
        passed=passed,
        valid=len(valid),
        invalid=len(invalid),
        attempted=len(plan.tasks) * plan.runs,
        pass_rate=None if rate is None else rounded(rate),
        interval=rounded_pair(suite_interval(own)),
        population_interval=rounded_pair(population_interval(own)),
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


def _cell(runs: Sequence[RunSummary], planned: int) -> Cell:
    by_n = {run.result.n: run for run in runs}
    return Cell(tuple(_slot(n, by_n.get(n)) for n in range(1, planned + 1)))


def _slot(n: int, run: RunSummary | None) -> Slot:
    if run is None or run.result.outcome is Outcome.INVALID:
        return Slot(n, None, instance=run.instance_sha256 if run else "")
    return Slot(
        n,
        run.result.outcome is Outcome.PASSED,
        served=_may_be_serving(run.result),
        instance=run.instance_sha256,
        answer=run.answers_sha256,
    )


def suite_interval(cells: Sequence[Cell]) -> tuple[float, float] | None:
    """95 percent, of the pass rate on these tasks; runs that repeat others count for as much as they know."""
    sizes = [size for cell in cells for size in repeats(cell.runs)]
    n = effective(sizes)
    return clopper_pearson(sum(cell.passed for cell in cells) / sum(sizes) * n, n) if sizes else None


def population_interval(cells: Sequence[Cell]) -> tuple[float, float] | None:
    """95 percent, of the pass rate on tasks like these, each task weighing the same; None with fewer than two tasks."""
    rates = [cell.passed / cell.n for cell in cells if cell.n]
    return mean_interval(rates, 0, 1) if len(rates) > 1 else None


def _backend(contender: ContenderEvidence) -> BackendProof | None:
    """What computes, by the last life of its engine."""
    if contender.last_life is None:
        return None
    recipe = contender.plan.recipe
    return backend_proof(contender.last_life, recipe.expect if recipe else Expect())


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
