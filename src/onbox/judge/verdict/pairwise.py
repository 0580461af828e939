"""Every contender beside every other: the table of pairs, and who is on the frontier."""

from collections.abc import Sequence
from itertools import combinations

from onbox.evidence.records import Role
from onbox.judge.comparison_results import Ability, Pace, PairResult, Standing
from onbox.judge.rounding import rounded, rounded_pair
from onbox.judge.statistics import holm
from onbox.judge.verdict.comparison import Pair, Rule, as_observed, pairs
from onbox.judge.verdict.contenders import JudgedContender
from onbox.judge.verdict.head_to_head import HeadToHead
from onbox.judge.verdict.standing import ContenderFacts, demands

NO_WORSE = frozenset({Ability.EQUAL, Ability.NO_WORSE, Ability.BETTER})
NO_BETTER = frozenset({Ability.EQUAL, Ability.NO_BETTER, Ability.WORSE})


def pair_table(judged: Sequence[JudgedContender], found: HeadToHead | None, rule: Rule) -> tuple[PairResult, ...]:
    """All contenders in pairs, those with the incumbent first; p by Holm's adjustment over all of them.

    Args:
        judged: all of them.
        found: the pair of the verdict with the others, for the verdict of each.
        rule: what they are held to.
    """
    ordered = sorted(judged, key=lambda each: each.plan.role is not Role.INCUMBENT)
    both = list(combinations(ordered, 2))
    raw = [pairs(as_observed(old), [as_observed(new)], rule)[0] for old, new in both]
    known = iter(holm([pair.p for pair in raw if pair.p is not None]))
    verdicts = {each.challenger.result.name: each for each in (found, *found.others)} if found else {}
    rows = []
    for (old, new), pair in zip(both, raw, strict=True):
        adjusted = Pair(
            pair.runs,
            None if pair.p is None else next(known),
            pair.population_p,
            pair.old,
            pair.new,
            rule,
            len(both),
        )
        beside = verdicts.get(new.result.name) if old.plan.role is Role.INCUMBENT else None
        rows.append(_row(old.result.name, new.result.name, adjusted, beside))
    return tuple(rows)


def _row(old: str, new: str, pair: Pair, beside: HeadToHead | None) -> PairResult:
    confidence = 1 - pair.each
    interval = pair.runs.bounds(confidence)
    return PairResult(
        old=old,
        new=new,
        difference=rounded(float(pair.runs.difference)) if pair.runs.tasks else None,
        difference_interval=rounded_pair(interval),
        p=None if pair.p is None else rounded(pair.p),
        ability=pair.weighed.ability,
        time_ratio=rounded(pair.time.ratio) if pair.time else None,
        time_interval=rounded_pair(pair.time.interval(confidence)) if pair.time else None,
        time_pairs=pair.time.pairs if pair.time else 0,
        pace=pair.weighed.pace,
        confidence=rounded(confidence),
        verdict=beside.verdict if beside else None,
        basis=beside.pair.weighed.basis if beside else None,
        losses=beside.pair.weighed.losses if beside and beside.verdict == "switch" else (),
    )


def standings(judged: Sequence[JudgedContender], table: Sequence[PairResult], rule: Rule) -> tuple[Standing, ...]:
    """Each contender as a point of the picture; none where there is no pair."""
    if not table:
        return ()
    facts = {each.result.name: each.facts for each in judged}
    dominated: dict[str, list[str]] = {name: [] for name in facts}
    for row in table:
        for loser, winner, flip in ((row.old, row.new, False), (row.new, row.old, True)):
            if _dominates(facts[winner], facts[loser], row, rule, flip=flip):
                dominated[loser].append(winner)
    return tuple(
        Standing(
            name=each.result.name,
            pass_rate=each.result.pass_rate,
            seconds_a_run=None if (seconds := each.facts.seconds_a_run) is None else rounded(seconds),
            memory_bytes=each.facts.memory_bytes,
            free_bytes=each.facts.free_bytes,
            sees=each.facts.sees,
            context_tokens=each.facts.context_tokens,
            demands=dict(demands(rule.values, each.facts)),
            dominated_by=tuple(dominated[each.result.name]),
        )
        for each in judged
    )


def _dominates(winner: ContenderFacts, loser: ContenderFacts, row: PairResult, rule: Rule, *, flip: bool) -> bool:
    """Whether one is shown to be no worse in ability and time, and in what is known of memory, sight and context, and
    better in one of them; `flip`: the winner is the row's `old`."""
    margin = rule.values.memory_margin
    if flip:
        able, better = row.ability in NO_BETTER, row.ability is Ability.WORSE
        fast, faster = row.pace in (Pace.SLOWER, Pace.EQUAL), row.pace is Pace.SLOWER
    else:
        able, better = row.ability in NO_WORSE, row.ability is Ability.BETTER
        fast, faster = row.pace in (Pace.FASTER, Pace.EQUAL), row.pace is Pace.FASTER
    if not (able and fast):
        return False
    if winner.memory_bytes is not None and loser.memory_bytes is not None:
        spare = loser.memory_bytes - winner.memory_bytes
        if spare < -margin * winner.memory_bytes:
            return False
        better = better or spare > margin * loser.memory_bytes
    if loser.sees and not winner.sees:
        return False
    if (loser.context_tokens or 0) > (winner.context_tokens or 0):
        return False
    return better or faster or (loser.sees is False and winner.sees is True)
