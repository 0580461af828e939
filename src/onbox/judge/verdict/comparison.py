"""The rule that turns two contenders into keep, switch or undecided; docs/judging.md has it in plain words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from onbox.judge import thresholds as limit
from onbox.judge.statistics import holm
from onbox.judge.verdict.cells import Seen, Slot
from onbox.judge.verdict.contenders import Judged
from onbox.judge.verdict.pairing import Paired, paired

KEEP, SWITCH, UNDECIDED = "keep", "switch", "undecided"


@dataclass(frozen=True)
class Side:
    """What the rule needs to know of a contender: its runs of each task in the baseline arm, and the cost of a pass."""

    tasks: Mapping[str, Sequence[Seen]]
    seconds_to_pass: float | None


@dataclass(frozen=True)
class Pair:
    """An incumbent and a challenger, their runs put side by side, with p adjusted for the number of challengers.

    Args:
        runs: of both.
        p: these tasks.
        population_p: tasks like these.
        seconds: to a pass, of the incumbent and the challenger.
    """

    runs: Paired
    p: float | None
    population_p: float | None
    seconds: tuple[float | None, float | None]


def as_seen(judged: Judged) -> Side:
    """The valid runs."""
    return _side(judged, lambda slot: slot.seen())


def unknown_as(judged: Judged, *, passed: bool) -> Side:
    """The valid runs, and every invalid or missing one as if it had passed, or failed."""
    return _side(judged, lambda slot: slot.seen(unknown=passed))


def served_right(judged: Judged) -> Side:
    """The valid runs, those that failed in serving as if they had passed."""
    return _side(judged, lambda slot: slot.seen(served=True))


def _side(judged: Judged, seen: Callable[[Slot], Seen | None]) -> Side:
    tasks = {
        task: [run for slot in cell.slots if (run := seen(slot)) is not None] for task, cell in judged.baseline.items()
    }
    return Side(tasks, judged.result.seconds_to_pass)


def pairs(incumbent: Side, challengers: Sequence[Side]) -> list[Pair]:
    """The incumbent beside each challenger; both p by Holm's adjustment when there are several."""
    runs = [paired(incumbent.tasks, challenger.tasks) for challenger in challengers]
    suite, population = _holm([each.suite_p for each in runs]), _holm([each.population_p for each in runs])
    return [
        Pair(each, p, population_p, (incumbent.seconds_to_pass, challenger.seconds_to_pass))
        for each, p, population_p, challenger in zip(runs, suite, population, challengers, strict=True)
    ]


def _holm(raw: Sequence[float | None]) -> list[float | None]:
    known = iter(holm([p for p in raw if p is not None]))
    return [None if p is None else next(known) for p in raw]


def decide(pair: Pair) -> str:
    """The verdict on the runs that are given, coverage and bracket left aside."""
    if pair.p is None:
        return UNDECIDED
    lead = pair.runs.difference
    if pair.p < limit.P_MAX and lead:
        return SWITCH if lead > 0 else KEEP
    return KEEP if no_better(pair) and not_faster(pair) else UNDECIDED


def no_better(pair: Pair) -> bool:
    """Whether even the top of the interval of the difference is too small to matter."""
    return pair.runs.interval is not None and pair.runs.interval[1] <= limit.NO_BETTER_MARGIN


def not_faster(pair: Pair) -> bool:
    """Whether both get to a pass, and the challenger not clearly sooner."""
    a, b = pair.seconds
    return a is not None and b is not None and b > limit.FASTER_BELOW * a
