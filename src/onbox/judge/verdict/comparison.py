"""The rule that turns two contenders into keep, switch or undecided; docs/judging.md has it in plain words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from onbox.evidence.records import OwnerValues
from onbox.judge import thresholds as limit
from onbox.judge.boundaries import e_process
from onbox.judge.statistics import holm
from onbox.judge.verdict.cells import CountedRun, Slot
from onbox.judge.verdict.contenders import JudgedContender
from onbox.judge.verdict.pairing import TaskPair, TaskPairs, paired
from onbox.judge.verdict.speed_ratio import TimeRatio, time_ratio
from onbox.judge.verdict.standing import ContenderFacts, demands
from onbox.judge.verdict.values import KEEP, SWITCH, UNDECIDED, PairFacts, PairRuling, weigh

__all__ = ["KEEP", "SWITCH", "UNDECIDED", "Pair", "Rule", "Side", "any_time_p", "as_observed", "decide", "pairs"]


@dataclass(frozen=True)
class Rule:
    """What a comparison is held to.

    Args:
        values: of the owner.
        level: what p must be below; see `looks.py`.
        any_time: whether p is by the e-process, which holds however often one looks.
        this_look: how often an interval, or a test that does not hold at any time, may be wrong; None: as `level`.
    """

    values: OwnerValues = field(default_factory=OwnerValues)
    level: float = limit.P_MAX
    any_time: bool = False
    this_look: float | None = None

    @property
    def level_of_look(self) -> float:
        """Of intervals, and of all that does not hold at any time."""
        return self.level if self.this_look is None else self.this_look


@dataclass(frozen=True)
class Side:
    """What the rule needs to know of a contender: its runs of each task in the baseline arm, and all else."""

    tasks: Mapping[str, Sequence[CountedRun]]
    facts: ContenderFacts


@dataclass(frozen=True)
class Pair:
    """An incumbent and a challenger, their runs put side by side, with p adjusted for the number of challengers.

    Args:
        runs: of both.
        p: these tasks.
        population_p: tasks like these.
        old: what else is known of the incumbent.
        new: the same of the challenger.
        rule: what they are held to.
        among: challengers.
    """

    runs: TaskPairs
    p: float | None
    population_p: float | None
    old: ContenderFacts
    new: ContenderFacts
    rule: Rule = field(default_factory=Rule)
    among: int = 1

    @cached_property
    def time(self) -> TimeRatio | None:
        """Their times; None: too little is known."""
        return time_ratio(self.old.seconds, self.new.seconds, min(self.old.independent, self.new.independent))

    @property
    def each(self) -> float:
        """How often a claim by an interval may be wrong: that level, shared among the challengers (Bonferroni)."""
        return self.rule.level_of_look / self.among

    @cached_property
    def weighed(self) -> PairRuling:
        """The rule's answer on these runs, coverage and bracket left aside."""
        values = self.rule.values
        found = PairFacts(
            p=self.p,
            lead=float(self.runs.difference),
            ability=self.runs.bounds(1 - 2 * self.each),
            ability_wide=self.runs.bounds(1 - self.each),
            time=self.time,
            old=self.old,
            new=self.new,
            passes=(self._passes(_old), self._passes(_new)),
            level=self.rule.level,
            each=self.each,
        )
        return weigh(found, values, demands(values, self.old), demands(values, self.new))

    def _passes(self, side: Callable[[TaskPair], tuple[CountedRun, ...]]) -> bool:
        return any(run.passed for task in self.runs.tasks for run in side(task))


def _old(task: TaskPair) -> tuple[CountedRun, ...]:
    return task.old


def _new(task: TaskPair) -> tuple[CountedRun, ...]:
    return task.new


def as_observed(judged: JudgedContender) -> Side:
    """The valid runs."""
    return _side(judged, lambda slot: slot.counted())


def unknown_as(judged: JudgedContender, *, passed: bool) -> Side:
    """The valid runs, and every invalid or missing one as if it had passed, or failed."""
    return _side(judged, lambda slot: slot.counted(unknown=passed))


def served_right(judged: JudgedContender) -> Side:
    """The valid runs, those that failed in serving as if they had passed."""
    return _side(judged, lambda slot: slot.counted(served=True))


def _side(judged: JudgedContender, of_slot: Callable[[Slot], CountedRun | None]) -> Side:
    tasks = {
        task: [run for slot in cell.slots if (run := of_slot(slot)) is not None]
        for task, cell in judged.baseline.items()
    }
    return Side(tasks, judged.facts)


def pairs(incumbent: Side, challengers: Sequence[Side], rule: Rule) -> list[Pair]:
    """The incumbent beside each challenger; both p by Holm's adjustment when there are several."""
    runs = [paired(incumbent.tasks, challenger.tasks) for challenger in challengers]
    suite = _holm([any_time_p(each) if rule.any_time else each.suite_p for each in runs])
    population = _holm([each.population_p for each in runs])
    return [
        Pair(each, p, population_p, incumbent.facts, challenger.facts, rule, len(challengers))
        for each, p, population_p, challenger in zip(runs, suite, population, challengers, strict=True)
    ]


def any_time_p(runs: TaskPairs) -> float | None:
    """One over the most evidence that pairs of runs gave so far: below alpha in at most alpha of all trials, however
    often one looks; None without a pair."""
    ordered = sorted(
        (old.n, task.task, old.passed, new.passed)
        for task in runs.tasks
        for old, new in task.numbered
        if old.n is not None
    )
    return min(1.0, 1 / e_process([(task, old, new) for _, task, old, new in ordered])) if ordered else None


def _holm(raw: Sequence[float | None]) -> list[float | None]:
    known = iter(holm([p for p in raw if p is not None]))
    return [None if p is None else next(known) for p in raw]


def decide(pair: Pair) -> str:
    """The verdict on the runs that are given, coverage and bracket left aside."""
    return pair.weighed.verdict
