"""The rule for one pair: ability first; of equals the faster, the smaller, the seeing; or what the owner values."""

from collections.abc import Mapping
from dataclasses import dataclass

from onbox.evidence.records import OwnerValues
from onbox.judge.comparison_results import Ability, Basis, Pace
from onbox.judge.intervals import Interval
from onbox.judge.verdict.speed_ratio import TimeRatio
from onbox.judge.verdict.standing import MET, MISSED, ContenderFacts
from onbox.judge.verdict.standing import UNKNOWN as NOT_KNOWN
from onbox.schema.units import factor, size

KEEP, SWITCH, UNDECIDED = "keep", "switch", "undecided"


@dataclass(frozen=True)
class PairFacts:
    """What is known of a pair before it is weighed.

    Args:
        p: chance of so large a difference of ability; None: nothing can be compared.
        lead: the challenger's pass rate less the incumbent's.
        ability: interval of that difference for two one-sided tests at `each`, so of confidence 1 - 2 each.
        ability_wide: the same with confidence 1 - each.
        time: their times; None: too little is known.
        old: facts of the incumbent.
        new: facts of the challenger.
        passes: whether (the incumbent, the challenger) passed anything: what does nothing is not worth running.
        level: what p must be below.
        each: how often a claim by an interval may be wrong: the level, shared among the challengers (Bonferroni).
    """

    p: float | None
    lead: float
    ability: Interval | None
    ability_wide: Interval | None
    time: TimeRatio | None
    old: ContenderFacts
    new: ContenderFacts
    passes: tuple[bool, bool]
    level: float
    each: float


@dataclass(frozen=True)
class PairRuling:
    """The rule's answer for a pair.

    Args:
        verdict: keep, switch or undecided.
        basis: what it rests on.
        ability: of the challenger.
        pace: of the challenger.
        losses: what a switch gives up, in words.
        missing: demands of which nobody knows whether the challenger meets them.
    """

    verdict: str
    basis: Basis
    ability: Ability
    pace: Pace
    losses: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def ability_of(pair: PairFacts, margin: float) -> Ability:
    """Better and worse by the test of the difference; equal by two one-sided tests against the margin."""
    if pair.p is not None and pair.p < pair.level and pair.lead:
        return Ability.BETTER if pair.lead > 0 else Ability.WORSE
    if pair.p is None or pair.ability is None:
        return Ability.UNKNOWN
    no_worse, no_better = pair.ability[0] >= -margin, pair.ability[1] <= margin
    if no_worse and no_better:
        return Ability.EQUAL
    return Ability.NO_WORSE if no_worse else Ability.NO_BETTER if no_better else Ability.UNKNOWN


def pace_of(pair: PairFacts, margin: float) -> Pace:
    """Equal by two one-sided tests (Schuirmann 1987) against 1 - margin and its inverse; else which side of 1."""
    if pair.time is None:
        return Pace.UNKNOWN
    low, high = pair.time.interval(1 - 2 * pair.each)
    if low >= 1 - margin and high <= 1 / (1 - margin):
        return Pace.EQUAL
    low, high = pair.time.interval(1 - pair.each)
    return Pace.FASTER if high < 1 else Pace.SLOWER if low > 1 else Pace.UNKNOWN


def weigh(
    pair: PairFacts, values: OwnerValues, old_demands: Mapping[str, str], new_demands: Mapping[str, str]
) -> PairRuling:
    """The rule, on the runs that are given; coverage and bracket are left aside.

    A demand goes before everything: who misses it is not switched to, and an incumbent that misses it is left for a
    challenger that meets it, passes something and is not shown to be worse.
    """
    ability, pace = ability_of(pair, values.ability_margin), pace_of(pair, values.time_margin)
    if pair.p is None:
        return PairRuling(UNDECIDED, Basis.NOTHING, ability, pace)
    verdict, basis = _by_worth(pair, values) if values.rate_per_minute else _by_order(pair, values, ability, pace)
    misses, missing = _names(new_demands, MISSED), _names(new_demands, NOT_KNOWN)
    if misses:
        verdict, basis = (UNDECIDED if _names(old_demands, MISSED) else KEEP), Basis.DEMAND
    elif _names(old_demands, MISSED) and set(new_demands.values()) == {MET}:
        verdict, basis = (SWITCH if pair.passes[1] and ability is not Ability.WORSE else UNDECIDED), Basis.DEMAND
    elif missing and verdict == SWITCH:
        verdict, basis = UNDECIDED, Basis.DEMAND
    losses = _losses(pair, values, ability, pace) if verdict == SWITCH else ()
    return PairRuling(verdict, basis, ability, pace, losses, missing)


def _by_order(pair: PairFacts, values: OwnerValues, ability: Ability, pace: Pace) -> tuple[str, Basis]:
    if ability in (Ability.BETTER, Ability.WORSE):
        return (SWITCH if ability is Ability.BETTER else KEEP), Basis.ABILITY
    if not all(pair.passes):
        return UNDECIDED, Basis.NOTHING
    if ability in (Ability.EQUAL, Ability.NO_WORSE):
        if pace is Pace.FASTER:
            return SWITCH, Basis.SPEED
        if pace is Pace.EQUAL and (better := _smaller_or_seeing(pair, values)) is not None:
            return better
    if ability in (Ability.EQUAL, Ability.NO_BETTER) and pace in (Pace.EQUAL, Pace.SLOWER):
        return KEEP, Basis.EQUAL
    return UNDECIDED, Basis.NOTHING


def _smaller_or_seeing(pair: PairFacts, values: OwnerValues) -> tuple[str, Basis] | None:
    """A switch or a keep between equals, where memory or sight tells them apart; None where neither does."""
    old, new = pair.old.memory_bytes, pair.new.memory_bytes
    if old is not None and new is not None and abs(new - old) > values.memory_margin * max(old, new):
        return (SWITCH if new < old else KEEP), Basis.MEMORY
    if pair.old.sees is not None and pair.new.sees is not None and pair.old.sees != pair.new.sees:
        return (SWITCH if pair.new.sees else KEEP), Basis.SIGHT
    return None


def _by_worth(pair: PairFacts, values: OwnerValues) -> tuple[str, Basis]:
    """What the difference of ability and the minutes are worth together.

    The bounds are added, not their squares: failing runs tend to be the long ones, so the two are not independent.
    """
    if pair.ability_wide is None or pair.ability is None or pair.time is None or not all(pair.passes):
        return UNDECIDED, Basis.NOTHING
    low, high = _worth(pair.ability_wide, pair.time.minutes_a_task(1 - pair.each)[1], values)
    if low > 0 or high < 0:
        return (SWITCH if low > 0 else KEEP), Basis.WORTH
    low, high = _worth(pair.ability, pair.time.minutes_a_task(1 - 2 * pair.each)[1], values)
    if low >= -values.ability_margin and high <= values.ability_margin:
        return _smaller_or_seeing(pair, values) or (KEEP, Basis.EQUAL)
    return UNDECIDED, Basis.NOTHING


def _worth(ability: Interval, minutes: Interval, values: OwnerValues) -> Interval:
    price = values.rate_per_minute or 0.0
    return ability[0] - price * minutes[1], ability[1] - price * minutes[0]


def _losses(pair: PairFacts, values: OwnerValues, ability: Ability, pace: Pace) -> tuple[str, ...]:
    found = []
    if ability is Ability.WORSE:
        found.append("it passes less")
    if pace is Pace.SLOWER and pair.time is not None:
        found.append(f"it takes {factor(pair.time.ratio)} times as long")
    old, new = pair.old.memory_bytes, pair.new.memory_bytes
    if old is not None and new is not None and new - old > values.memory_margin * new:
        found.append(f"it needs {size(new - old)} more memory")
    if pair.old.sees and pair.new.sees is False:
        found.append("it cannot see")
    return tuple(found)


def _names(demands: Mapping[str, str], state: str) -> tuple[str, ...]:
    return tuple(name for name, found in demands.items() if found == state)
