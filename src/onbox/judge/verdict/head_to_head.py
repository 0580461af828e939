"""The incumbent against its best challenger: the rule, coverage and bracket together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from onbox.evidence.records import Role
from onbox.judge import thresholds as limit
from onbox.judge.verdict import comparison
from onbox.judge.verdict.comparison import UNDECIDED, Pair, Side
from onbox.judge.verdict.contenders import Judged
from onbox.judge.verdict.scope import TASKS_LIKE_THESE, THESE_TASKS, scope_of


@dataclass(frozen=True)
class HeadToHead:
    """The incumbent and its best challenger, compared.

    Args:
        incumbent: what the owner runs now.
        challenger: the best of those who want its place.
        verdict: after coverage and bracket.
        scope: how far the verdict reaches, with every unknown run against the challenger and for it; None: undecided.
        plain: the rule's answer on the valid runs alone.
        served: the rule's answer if no run had failed in serving.
        pair: the valid runs of both, with p adjusted for the number of challengers.
        bracket: the rule's answers with every unknown run against the challenger, and for it; None without one.
        challengers: how many there are.
    """

    incumbent: Judged
    challenger: Judged
    verdict: str
    scope: str | None
    plain: str
    served: str
    pair: Pair
    bracket: tuple[str, str] | None
    challengers: int

    @property
    def p(self) -> float | None:
        """These tasks."""
        return self.pair.p

    @property
    def population_p(self) -> float | None:
        """Tasks like these."""
        return self.pair.population_p

    @property
    def tasks(self) -> int:
        """That both have valid runs of."""
        return len(self.pair.runs.tasks)

    @property
    def covered(self) -> bool:
        """Whether enough runs of both are valid."""
        return all(
            each.result.valid >= limit.COVERAGE_MIN * each.result.attempted
            for each in (self.incumbent, self.challenger)
        )

    @property
    def firm(self) -> bool:
        """Whether no run without a valid end could turn it."""
        return self.bracket is None or set(self.bracket) == {self.plain}


def compare(judged: Sequence[Judged]) -> HeadToHead | None:
    """The incumbent against the best challenger; None when there is nothing to compare."""
    incumbents = [contender for contender in judged if contender.plan.role is Role.INCUMBENT]
    challengers = [contender for contender in judged if contender.plan.role is Role.CHALLENGER]
    if len(incumbents) != 1 or not challengers or not incumbents[0].cells:
        return None
    incumbent, best = incumbents[0], _best(challengers)

    def beside(left: Side, rights: Sequence[Side]) -> Pair:
        return comparison.pairs(left, rights)[best]

    seen = beside(comparison.as_seen(incumbent), [comparison.as_seen(each) for each in challengers])
    served = beside(comparison.served_right(incumbent), [comparison.served_right(each) for each in challengers])
    extremes: list[Pair] = []
    if any(cell.unknown for contender in (incumbent, *challengers) for cell in contender.baseline.values()):
        extremes = [
            beside(
                comparison.unknown_as(incumbent, passed=not for_it),
                [comparison.unknown_as(each, passed=for_it) for each in challengers],
            )
            for for_it in (False, True)
        ]
    plain = comparison.decide(seen)
    found = HeadToHead(
        incumbent=incumbent,
        challenger=challengers[best],
        verdict=plain,
        scope=None,
        plain=plain,
        served=comparison.decide(served),
        pair=seen,
        bracket=(comparison.decide(extremes[0]), comparison.decide(extremes[1])) if extremes else None,
        challengers=len(challengers),
    )
    if plain == UNDECIDED or not (found.covered and found.firm):
        return replace(found, verdict=UNDECIDED)
    wide = all(scope_of(each) == TASKS_LIKE_THESE for each in (seen, *extremes))
    return replace(found, scope=TASKS_LIKE_THESE if wide else THESE_TASKS)


def _best(challengers: Sequence[Judged]) -> int:
    """The one with the highest pass rate; of equals the one with the cheaper pass, then the one named first."""

    def rank(index: int) -> tuple[float, float, int]:
        result = challengers[index].result
        return -(result.pass_rate or 0.0), result.seconds_to_pass or float("inf"), index

    return min(range(len(challengers)), key=rank)
