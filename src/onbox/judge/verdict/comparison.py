"""The rule that turns two contenders into keep, switch or undecided; docs/judging.md has it in plain words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from onbox.judge import thresholds as limit
from onbox.judge.intervals import newcombe
from onbox.judge.statistics import holm, sign_flip, stratified_permutation
from onbox.judge.verdict.contenders import Cell, CellKey, Judged

KEEP, SWITCH, UNDECIDED = "keep", "switch", "undecided"


@dataclass(frozen=True)
class Side:
    """What the rule needs to know of a contender: (passed, n) of each task and arm, and the cost of a pass."""

    cells: Mapping[CellKey, tuple[int, int]]
    seconds_to_pass: float | None

    @property
    def total(self) -> tuple[int, int]:
        """(passed, n) over all."""
        return sum(passed for passed, _ in self.cells.values()), sum(n for _, n in self.cells.values())


def as_seen(judged: Judged) -> Side:
    """The valid runs."""
    return _side(judged, lambda cell: (cell.passed, cell.n))


def unknown_as(judged: Judged, *, passed: bool) -> Side:
    """The valid runs, and every invalid or missing one as if it had passed, or failed."""
    return _side(judged, lambda cell: (cell.passed + passed * cell.unknown, cell.n + cell.unknown))


def served_right(judged: Judged) -> Side:
    """The valid runs, those that failed in serving as if they had passed."""
    return _side(judged, lambda cell: (cell.passed + cell.served, cell.n))


def _side(judged: Judged, count: Callable[[Cell], tuple[int, int]]) -> Side:
    return Side({key: count(cell) for key, cell in judged.cells.items()}, judged.result.seconds_to_pass)


def fixed_suite_p(incumbent: Side, challenger: Side) -> float | None:
    """Chance of so large a difference on these tasks; see `stratified_permutation`."""
    return stratified_permutation((*challenger.cells[key], *incumbent.cells[key]) for key in incumbent.cells)


def population_p(incumbent: Side, challenger: Side) -> tuple[float | None, int]:
    """(chance of so large a difference for tasks like these, tasks that both have runs of); see `sign_flip`."""
    differences = []
    for task in dict.fromkeys(task for task, _ in incumbent.cells):
        a, b = _of_task(incumbent, task), _of_task(challenger, task)
        if a[1] and b[1]:
            differences.append(Fraction(*b) - Fraction(*a))
    return sign_flip(differences), len(differences)


def adjusted_p(incumbent: Side, challengers: Sequence[Side]) -> list[float | None]:
    """`fixed_suite_p` of each challenger, by Holm's adjustment when there are several."""
    raw = [fixed_suite_p(incumbent, challenger) for challenger in challengers]
    known = iter(holm([p for p in raw if p is not None]))
    return [None if p is None else next(known) for p in raw]


def decide(incumbent: Side, challenger: Side, p: float | None) -> str:
    """The verdict on the runs that are given, coverage and bracket left aside."""
    if p is None:
        return UNDECIDED
    lead = advantage(incumbent, challenger)
    if p < limit.P_MAX and lead:
        return SWITCH if lead > 0 else KEEP
    return KEEP if no_better(incumbent, challenger) and not_faster(incumbent, challenger) else UNDECIDED


def advantage(incumbent: Side, challenger: Side) -> Fraction:
    """Mean over tasks of the challenger's pass rate less the incumbent's, so that each task weighs the same."""
    differences = [
        Fraction(*challenger.cells[key]) - Fraction(*cell)
        for key, cell in incumbent.cells.items()
        if cell[1] and challenger.cells[key][1]
    ]
    return sum(differences, Fraction(0)) / max(1, len(differences))


def no_better(incumbent: Side, challenger: Side) -> bool:
    """Whether even the top of the interval of the difference is too small to matter."""
    interval = newcombe(incumbent.total, challenger.total)
    return interval is not None and interval[1] <= limit.NO_BETTER_MARGIN


def not_faster(incumbent: Side, challenger: Side) -> bool:
    """Whether both get to a pass, and the challenger not clearly sooner."""
    a, b = incumbent.seconds_to_pass, challenger.seconds_to_pass
    return a is not None and b is not None and b > limit.FASTER_BELOW * a


def _of_task(side: Side, task: str) -> tuple[int, int]:
    cells = [cell for (name, _), cell in side.cells.items() if name == task]
    return sum(passed for passed, _ in cells), sum(n for _, n in cells)
