"""The verdict on imported runs of agents, by the rules that a trial of onbox is judged by."""

from collections import Counter
from collections.abc import Iterable, Sequence

from onbox.evidence.imported import ImportedRun, ImportHead
from onbox.evidence.records import AgentPlan, ContenderPlan, Plan, Role, TaskPlan
from onbox.judge import RULES
from onbox.judge.imports.runs import RunOutcome, outcome_of
from onbox.judge.results import ContenderResult, Outcome, RunResult, TaskCell, Verdict
from onbox.judge.rounding import rounded, rounded_pair
from onbox.judge.verdict import narrative
from onbox.judge.verdict.ability import ability_difference, task_tally
from onbox.judge.verdict.advice import would_settle
from onbox.judge.verdict.cells import Cell, CellKey, Slot
from onbox.judge.verdict.comparison import KEEP, SWITCH, UNDECIDED, Rule
from onbox.judge.verdict.contenders import JudgedContender, population_interval, suite_interval
from onbox.judge.verdict.head_to_head import HeadToHead, compare
from onbox.judge.verdict.pairwise import pair_table, standings
from onbox.judge.verdict.standing import ContenderFacts
from onbox.judge.verdict.trial import basis_of, fixed_suite, population
from onbox.schema.units import count

Told = tuple[ImportedRun, RunOutcome]
BASELINE = "baseline"
LITTLE = (
    "The runs were imported: what the agent and the server said to each other is not there, so that a failure of the"
    " serving counts as the model's wherever the agent's own errors do not tell."
)


def judge_import(head: ImportHead, runs: Sequence[ImportedRun], incumbent: str = "") -> Verdict:
    """Compare the models of imported runs.

    Args:
        head: of the import.
        runs: all of them.
        incumbent: the model that the owner runs now; empty takes the one that passes more often, and says so.
    """
    ends = [(run, outcome_of(run)) for run in runs]
    models = list(dict.fromkeys(run.model for run, _ in ends))
    keys = _keys(ends)
    first = incumbent or max(models, key=lambda model: _rate(ends, model), default="")
    ordered = sorted(models, key=lambda model: model != first)
    plan = _plan(head, ordered, first, keys, ends)
    judged = [
        _judged(contender, keys, [each for each in ends if each[0].model == contender.name])
        for contender in plan.contenders
    ]
    rule = Rule()
    pair = compare(judged, rule)
    table = pair_table(judged, pair, rule) if pair else ()
    reasons = [*narrative.reasons(judged, pair), LITTLE]
    if len(plan.arms) > 1:
        others = sum(run.arm != plan.arms[0] for run, _ in ends)
        reasons.append(f"Only runs of arm {plan.arms[0]} are compared; {count(others, 'run')} of other arms are not.")
    if pair and not incumbent:
        reasons.append(_who_is_meant(pair))
    return Verdict(
        rules=RULES,
        trial=f"{' against '.join(ordered)}, imported {head.imported_at[:10]}",
        verdict=pair.verdict if pair else UNDECIDED,
        scope=pair.scope if pair else None,
        difference=ability_difference(pair.pair.runs) if pair else None,
        tasks=task_tally(pair.pair.runs) if pair else None,
        headline=narrative.headline(plan, judged, pair),
        reasons=tuple(reasons),
        would_settle=tuple(step.replace(" (--resume)", "") for step in would_settle(plan, judged, pair)),
        contenders=tuple(contender.result for contender in judged),
        fixed_suite=fixed_suite(pair),
        population=population(pair),
        bracket=pair.bracket if pair else None,
        checks=(),
        runs=tuple(_run(run, outcome, number) for number, (run, outcome) in enumerate(ends, 1)),
        basis=basis_of(pair),
        pairs=table,
        standings=standings(judged, table, rule),
    )


def _who_is_meant(pair: HeadToHead) -> str:
    old, new = pair.incumbent.result.name, pair.challenger.result.name
    other = {KEEP: SWITCH, SWITCH: KEEP}.get(pair.verdict, UNDECIDED)
    return (
        f"No file says which model you run now; {old} is taken for it, as it passes more often. If you run {new}, read"
        f" {other} (--incumbent names it)."
    )


def _keys(ends: Iterable[Told]) -> list[CellKey]:
    """Every task and arm, the baseline first: where none is called so, the arm that comes first."""
    keys = dict.fromkeys((run.task, run.arm) for run, _ in ends)
    return sorted(keys, key=lambda key: key[1] != BASELINE)


def _rate(ends: Iterable[Told], model: str) -> float:
    found = [outcome.outcome for run, outcome in ends if run.model == model and outcome.outcome is not Outcome.INVALID]
    return found.count(Outcome.PASSED) / len(found) if found else -1.0


def _plan(head: ImportHead, models: Sequence[str], first: str, keys: Sequence[CellKey], ends: Sequence[Told]) -> Plan:
    each = Counter((run.model, run.task, run.arm) for run, _ in ends)
    # No folder is made of these names: an organisation and a slash stand in many of them.
    return Plan(
        created_at=head.imported_at,
        onbox_version=head.onbox_version,
        kind="import",
        contenders=tuple(
            ContenderPlan.model_construct(
                name=model, role=Role.INCUMBENT if model == first else Role.CHALLENGER, recipe=None
            )
            for model in models
        ),
        tasks=tuple(TaskPlan.model_construct(name=task, sha256="") for task in dict.fromkeys(task for task, _ in keys)),
        arms=tuple(dict.fromkeys(arm for _, arm in keys)) or (BASELINE,),
        runs=max(each.values(), default=0),
        agent=AgentPlan(name=head.kind, version=""),
        speed=None,
        sandbox="unknown",
    )


def _judged(contender: ContenderPlan, keys: Sequence[CellKey], ends: Sequence[Told]) -> JudgedContender:
    arm = keys[0][1]
    cells = {key: _cell([outcome for run, outcome in ends if (run.task, run.arm) == key]) for key in keys}
    ends = [each for each in ends if each[0].arm == arm]
    valid = [(run, outcome) for run, outcome in ends if outcome.outcome is not Outcome.INVALID]
    passed = sum(outcome.outcome is Outcome.PASSED for _, outcome in valid)
    unserved = sum(outcome.open for _, outcome in valid)
    tasks = list(dict.fromkeys(task for task, _ in keys))
    own = [cells.get((task, arm), Cell(())) for task in tasks]
    timed = all(run.wallMs is not None for run, _ in valid)
    seconds = sum(run.wallMs or 0.0 for run, _ in valid) / 1000
    reasons = Counter(outcome.code for _, outcome in ends if outcome.outcome is Outcome.INVALID)
    result = ContenderResult(
        name=contender.name,
        role=contender.role.value,
        passed=passed,
        valid=len(valid),
        invalid=len(ends) - len(valid),
        attempted=len(ends),
        pass_rate=rounded(passed / len(valid)) if valid else None,
        interval=rounded_pair(suite_interval(own)),
        population_interval=rounded_pair(population_interval(own)),
        if_served_correctly=rounded((passed + unserved) / len(valid)) if valid else None,
        seconds_to_pass=rounded(seconds / passed) if passed and timed else None,
        cells=tuple(
            TaskCell(task=task, passed=cell.passed, valid=cell.n, invalid=cell.unknown)
            for task, cell in zip(tasks, own, strict=True)
        ),
        speed=None,
        invalid_reasons=dict(sorted(reasons.items())),
    )
    return JudgedContender(contender, (), cells, result, arm, facts=ContenderFacts(seconds=_seconds(valid)))


def _seconds(valid: Sequence[Told]) -> dict[tuple[str, int], float]:
    """Of each run, by task and the order in which the file has them: any pairs of independent runs will do."""
    seconds: dict[tuple[str, int], float] = {}
    made = Counter[str]()
    for run, _ in valid:
        made[run.task] += 1
        if run.wallMs is not None:
            seconds[run.task, made[run.task]] = run.wallMs / 1000
    return seconds


def _cell(outcomes: Sequence[RunOutcome]) -> Cell:
    """Of an import nobody knows which runs shared a seed, so none has a counterpart."""
    return Cell(
        tuple(
            Slot(
                None,
                None if each.outcome is Outcome.INVALID else each.outcome is Outcome.PASSED,
                served=each.outcome is not Outcome.INVALID and each.open,
            )
            for each in outcomes
        )
    )


def _run(run: ImportedRun, outcome: RunOutcome, number: int) -> RunResult:
    seconds = rounded((run.wallMs or 0.0) / 1000)
    return RunResult(
        contender=run.model,
        task=run.task,
        arm=run.arm,
        n=run.trial if run.trial is not None else number,
        outcome=outcome.outcome,
        attribution=outcome.cause,
        code=outcome.code,
        detail=outcome.detail,
        tool_calls=run.toolCalls or 0,
        turns=0,
        prompt_tokens=run.tokensIn or 0,
        completion_tokens=run.tokensOut or 0,
        seconds=seconds,
        model_s=0.0,
        folder=f"runs.jsonl:{number}",
        files_changed=run.filesChanged or 0,
        lines_changed=run.linesChanged or 0,
        rewards=run.rewards,
        reward_min=run.reward_min,
    )
