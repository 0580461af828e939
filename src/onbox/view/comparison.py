"""Two contenders beside each other, of one trial or of two: the judge's numbers, and whether they may be compared."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from onbox.errors import OnboxError
from onbox.evidence.load import load_contender
from onbox.evidence.trial_evidence import TrialEvidence
from onbox.judge.rates import RateRatio
from onbox.judge.results import ContenderResult, Measurement, TaskCell
from onbox.judge.speed.rate_comparison import not_compared, rate_ratio
from onbox.judge.verdict.cells import CountedRun
from onbox.judge.verdict.comparison import as_observed
from onbox.judge.verdict.contenders import judge_contender
from onbox.judge.verdict.pairing import TaskPairs, paired
from onbox.report import formatting
from onbox.report.text import one_line
from onbox.view.trial import TrialPage

RUNS_MAX = 2000


@dataclass(frozen=True)
class ComparedContender:
    """One of the two."""

    trial: TrialPage
    contender: ContenderResult
    colour: str

    @property
    def cells(self) -> dict[str, TaskCell]:
        """By task."""
        return {cell.task: cell for cell in self.contender.cells}


@dataclass(frozen=True)
class FactRow:
    """A line of facts: what it is, of the one, of the other."""

    what: str
    left: str
    right: str

    @property
    def same(self) -> bool:
        """Whether both are alike."""
        return self.left == self.right


@dataclass(frozen=True)
class TaskRow:
    """One task that both have run."""

    task: str
    left: TaskCell
    right: TaskCell


@dataclass(frozen=True)
class ComparisonPage:
    """All that the page shows."""

    left: ComparedContender
    right: ComparedContender
    same_trial: bool
    tasks: tuple[TaskRow, ...]
    """Those that both have run; of two trials only where their files are the same."""
    others: int
    """Tasks that only one has run, or whose files differ."""
    conditions: tuple[FactRow, ...]
    runs: TaskPairs | None
    """The runs of the shared tasks side by side, as the judge pairs them."""
    why_not: str
    """Why there are none; empty where there are."""
    speeds: tuple[FactRow, ...]
    rates_compare: bool
    """Whether the decode rates have the same profile."""
    rates: RateRatio | None
    """The right one over the left one; None: not both were measured."""


def compare(left: ComparedContender, right: ComparedContender) -> ComparisonPage:
    """Hold two contenders against each other."""
    same_trial = left.trial.at == right.trial.at
    shared = tuple(_shared(left, right, same_trial))
    runs, why_not = _paired(left, right, {each.task for each in shared})
    speeds = tuple(_speeds(left.contender.speed, right.contender.speed))
    alike = bool(speeds) and all(each.same for each in speeds)
    return ComparisonPage(
        left=left,
        right=right,
        same_trial=same_trial,
        tasks=shared,
        others=len({*left.cells, *right.cells}) - len(shared),
        conditions=() if same_trial else tuple(_conditions(left.trial, right.trial)),
        runs=runs,
        why_not=why_not,
        speeds=speeds,
        rates_compare=alike,
        rates=_rates(left.contender.speed, right.contender.speed, alike),
    )


def _rates(left: Measurement | None, right: Measurement | None, alike: bool) -> RateRatio | None:
    if left is None or right is None:
        return None
    return rate_ratio(left, right) if alike else not_compared("they were not measured in the same way")


def _paired(left: ComparedContender, right: ComparedContender, tasks: Container[str]) -> tuple[TaskPairs | None, str]:
    """(the runs of the shared tasks, why there are none).

    Counts of runs are not enough: runs that said the same word for word are one, and only the evidence tells.
    """
    if any(len(each.trial.verdict.runs) > RUNS_MAX for each in (left, right)):
        return None, f"a trial has more than {RUNS_MAX:,} runs, and is not judged again on a page"
    try:
        sides = [_side(each, tasks) for each in (left, right)]
    except (OnboxError, OSError, ValueError, KeyError, StopIteration) as error:
        return None, f"the evidence cannot be judged again: {one_line(str(error))[:300]}"
    if _seed(left.trial) != _seed(right.trial):
        sides[1] = {task: [replace(run, n=None) for run in runs] for task, runs in sides[1].items()}
    runs = paired(sides[0], sides[1])
    return (runs, "") if runs.tasks else (None, "both ran no common task")


def _side(chosen: ComparedContender, tasks: Container[str]) -> dict[str, Sequence[CountedRun]]:
    """The valid runs of a contender on some tasks, judged once for as long as its trial is kept."""
    kept, name = chosen.trial.counted_runs, chosen.contender.name
    if name not in kept:
        folder = chosen.trial.folder
        plan = folder.plan()
        contender = next(each for each in plan.contenders if each.name == name)
        evidence = TrialEvidence(plan, tuple(folder.ledger()), (load_contender(folder, contender),))
        kept[name] = as_observed(judge_contender(evidence, evidence.contenders[0])).tasks
    return {task: runs for task, runs in kept[name].items() if task in tasks}


def _seed(trial: TrialPage) -> int | None:
    """Run n of one trial is the counterpart of run n of another only where both were given the same seeds."""
    return trial.page.plan.seed if trial.page.plan else None


def _shared(left: ComparedContender, right: ComparedContender, same_trial: bool) -> Iterator[TaskRow]:
    hashes = [
        {task.name: task.sha256 for task in chosen.trial.page.plan.tasks} if chosen.trial.page.plan else {}
        for chosen in (left, right)
    ]
    for task, cell in left.cells.items():
        other = right.cells.get(task)
        if other is None:
            continue
        if same_trial or (task in hashes[0] and hashes[0][task] == hashes[1].get(task)):
            yield TaskRow(task, cell, other)


def _conditions(left: TrialPage, right: TrialPage) -> Iterator[FactRow]:
    """What must be alike for two trials to measure the same thing."""
    for what, of in CONDITIONS.items():
        yield FactRow(what, _field_text(left, of), _field_text(right, of))


CONDITIONS: dict[str, tuple[str, ...]] = {
    "agent": ("agent", "name"),
    "agent's version": ("agent", "version"),
    "turns": ("agent", "limits", "turns"),
    "time limit of a run": ("agent", "limits", "wall_s"),
    "output tokens of a run": ("agent", "limits", "output_tokens"),
    "sandbox": ("sandbox",),
    "runs of each task": ("runs",),
    "runs at a time": ("parallel",),
    "seed": ("seed",),
    "onbox": ("onbox_version",),
    "processor": ("box", "cpu", "model"),
    "memory of the box": ("box", "memory", "total_bytes"),
}


def _field_text(trial: TrialPage, of: tuple[str, ...]) -> str:
    value: Any = trial.page.box if of[0] == "box" else trial.page.plan
    for name in of[1:] if of[0] == "box" else of:
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
    return formatting.fact(of[-1], value)


def _speeds(left: Measurement | None, right: Measurement | None) -> Iterator[FactRow]:
    """The profiles of two measurements: only numbers with the same one compare."""
    if left is None or right is None:
        return
    skipped = {"model"}
    for name in dict.fromkeys((*left.profile, *right.profile)):
        if name not in skipped:
            texts = [formatting.fact(name, each.profile.get(name)) for each in (left, right)]
            yield FactRow(formatting.label(name), texts[0], texts[1])
