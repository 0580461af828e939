"""The incumbent against its best challenger: the rule, coverage and bracket together."""

from collections.abc import Sequence
from dataclasses import dataclass

from onbox.evidence.records import Role
from onbox.judge import thresholds as limit
from onbox.judge.verdict import comparison
from onbox.judge.verdict.comparison import UNDECIDED, Side
from onbox.judge.verdict.contenders import Judged


@dataclass(frozen=True)
class HeadToHead:
    """The incumbent and its best challenger, compared.

    Args:
        incumbent: what the owner runs now.
        challenger: the best of those who want its place.
        verdict: after coverage and bracket.
        plain: the rule's answer on the valid runs alone.
        served: the rule's answer if no run had failed in serving.
        p: these tasks, adjusted for the number of challengers.
        population_p: tasks like these.
        tasks: that both have valid runs of.
        bracket: the rule's answers with every unknown run against the challenger, and for it; None without one.
        challengers: how many there are.
    """

    incumbent: Judged
    challenger: Judged
    verdict: str
    plain: str
    served: str
    p: float | None
    population_p: float | None
    tasks: int
    bracket: tuple[str, str] | None
    challengers: int


def compare(judged: Sequence[Judged]) -> HeadToHead | None:
    """The incumbent against the best challenger; None when there is nothing to compare."""
    incumbents = [contender for contender in judged if contender.plan.role is Role.INCUMBENT]
    challengers = [contender for contender in judged if contender.plan.role is Role.CHALLENGER]
    if len(incumbents) != 1 or not challengers or not incumbents[0].cells:
        return None
    incumbent = incumbents[0]
    best = _best(challengers)

    def rule(left: Side, rights: Sequence[Side]) -> tuple[str, float | None]:
        p = comparison.adjusted_p(left, rights)[best]
        return comparison.decide(left, rights[best], p), p

    seen, rivals = comparison.as_seen(incumbent), [comparison.as_seen(c) for c in challengers]
    plain, p = rule(seen, rivals)
    served, _ = rule(comparison.served_right(incumbent), [comparison.served_right(c) for c in challengers])
    everybody = [incumbent, *challengers]
    bracket = None
    if any(cell.unknown for contender in everybody for cell in contender.cells.values()):
        against, _ = rule(
            comparison.unknown_as(incumbent, passed=True),
            [comparison.unknown_as(c, passed=False) for c in challengers],
        )
        in_favour, _ = rule(
            comparison.unknown_as(incumbent, passed=False),
            [comparison.unknown_as(c, passed=True) for c in challengers],
        )
        bracket = against, in_favour
    covered = all(
        contender.result.valid >= limit.COVERAGE_MIN * contender.result.attempted
        for contender in (incumbent, challengers[best])
    )
    holds = covered and (bracket is None or set(bracket) == {plain})
    population_p, tasks = comparison.population_p(seen, rivals[best])
    return HeadToHead(
        incumbent=incumbent,
        challenger=challengers[best],
        verdict=plain if holds else UNDECIDED,
        plain=plain,
        served=served,
        p=p,
        population_p=population_p,
        tasks=tasks,
        bracket=bracket,
        challengers=len(challengers),
    )


def _best(challengers: Sequence[Judged]) -> int:
    """The one with the highest pass rate; of equals the one with the cheaper pass, then the one named first."""

    def rank(index: int) -> tuple[float, float, int]:
        result = challengers[index].result
        return -(result.pass_rate or 0.0), result.seconds_to_pass or float("inf"), index

    return min(range(len(challengers)), key=rank)
