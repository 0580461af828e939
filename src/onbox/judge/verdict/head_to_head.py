"""The incumbent against each challenger: the rule, coverage and bracket together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from onbox.evidence.records import Role
from onbox.judge import thresholds as limit
from onbox.judge.verdict import comparison
from onbox.judge.verdict.comparison import KEEP, SWITCH, UNDECIDED, Pair, Rule, Side
from onbox.judge.verdict.contenders import JudgedContender
from onbox.judge.verdict.scope import TASKS_LIKE_THESE, THESE_TASKS, scope_of


@dataclass(frozen=True)
class HeadToHead:
    """The incumbent and a challenger, compared.

    Args:
        incumbent: what the owner runs now.
        challenger: who wants its place.
        verdict: after coverage and bracket.
        scope: how far the verdict reaches, with every unknown run against the challenger and for it; None: undecided.
        plain: the rule's answer on the valid runs alone.
        served: the rule's answer if no run had failed in serving.
        pair: the valid runs of both, with p adjusted for the number of challengers.
        bracket: the rule's answers with every unknown run against the challenger, and for it; None without one.
        challengers: how many there are.
        others: the incumbent beside each other challenger.
    """

    incumbent: JudgedContender
    challenger: JudgedContender
    verdict: str
    scope: str | None
    plain: str
    served: str
    pair: Pair
    bracket: tuple[str, str] | None
    challengers: int
    others: "tuple[HeadToHead, ...]" = ()

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


def compare(judged: Sequence[JudgedContender], rule: Rule) -> HeadToHead | None:
    """The incumbent against each challenger, and of these the pair that the verdict is about.

    None when there is nothing to compare.
    """
    incumbents = [contender for contender in judged if contender.plan.role is Role.INCUMBENT]
    challengers = [contender for contender in judged if contender.plan.role is Role.CHALLENGER]
    if len(incumbents) != 1 or not challengers or not incumbents[0].cells:
        return None
    return _chosen(_with_each(incumbents[0], challengers, rule), rule)


def _with_each(incumbent: JudgedContender, challengers: Sequence[JudgedContender], rule: Rule) -> list[HeadToHead]:
    def beside(left: Side, rights: Sequence[Side]) -> list[Pair]:
        return comparison.pairs(left, rights, rule)

    compared = beside(comparison.as_observed(incumbent), [comparison.as_observed(each) for each in challengers])
    served = beside(comparison.served_right(incumbent), [comparison.served_right(each) for each in challengers])
    extremes: list[list[Pair]] = []
    if any(cell.unknown for contender in (incumbent, *challengers) for cell in contender.baseline.values()):
        extremes = [
            beside(
                comparison.unknown_as(incumbent, passed=not for_it),
                [comparison.unknown_as(each, passed=for_it) for each in challengers],
            )
            for for_it in (False, True)
        ]
    return [
        _reached(
            HeadToHead(
                incumbent=incumbent,
                challenger=challenger,
                verdict=comparison.decide(compared[n]),
                scope=None,
                plain=comparison.decide(compared[n]),
                served=comparison.decide(served[n]),
                pair=compared[n],
                bracket=(comparison.decide(extremes[0][n]), comparison.decide(extremes[1][n])) if extremes else None,
                challengers=len(challengers),
            ),
            [each[n] for each in extremes],
        )
        for n, challenger in enumerate(challengers)
    ]


def _reached(found: HeadToHead, extremes: Sequence[Pair]) -> HeadToHead:
    """With coverage and bracket, and how far it reaches."""
    if found.plain == UNDECIDED or not (found.covered and found.firm):
        return replace(found, verdict=UNDECIDED)
    wide = all(scope_of(each) == TASKS_LIKE_THESE for each in (found.pair, *extremes))
    return replace(found, scope=TASKS_LIKE_THESE if wide else THESE_TASKS)


def _chosen(found: Sequence[HeadToHead], rule: Rule) -> HeadToHead:
    """A challenger that is to be switched to before one that is open, and that before one that is not wanted.

    Among several of a kind the one with the highest pass rate, and of these one that is to be switched to from it.
    """
    wanted = next(
        some for verdict in (SWITCH, UNDECIDED, KEEP) if (some := [each for each in found if each.verdict == verdict])
    )
    ranked = sorted(wanted, key=_rank)
    best = ranked[0]
    if best.verdict == SWITCH:
        for other in ranked[1:]:
            sides = comparison.as_observed(best.challenger), comparison.as_observed(other.challenger)
            if comparison.decide(comparison.pairs(sides[0], [sides[1]], rule)[0]) == SWITCH:
                best = other
    return replace(best, others=tuple(each for each in found if each is not best))


def _rank(pair: HeadToHead) -> tuple[float, float]:
    result = pair.challenger.result
    return -(result.pass_rate or 0.0), result.seconds_to_pass or float("inf")
