"""Every contender beside every other: the table of pairs, and who is on the frontier."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from onbox.evidence.records import OwnerValues, Role
from onbox.judge import thresholds as limit
from onbox.judge.rounding import rounded, rounded_pair
from onbox.judge.statistics import holm
from onbox.judge.verdict.comparison import Side, as_seen, runs_of_both
from onbox.judge.verdict.contenders import Judged
from onbox.judge.verdict.speed_ratio import time_ratio
from onbox.judge.verdict.standing import Facts, demands
from onbox.judge.verdict.values import Compared, Weighed, ability_of, pace_of
from onbox.judge.weighed import Ability, Pace, PairResult, Standing

EQUALLY_GOOD = frozenset({Ability.EQUAL, Ability.NO_WORSE, Ability.BETTER})


def compared(old: Judged, new: Judged, sides: tuple[Side, Side], p: float | None, alpha: float) -> Compared:
    """Collect what is known of a pair.

    Args:
        old: the incumbent.
        new: the challenger.
        sides: their runs, as they are to be counted.
        p: of the difference of ability, adjusted for the number of comparisons.
        alpha: how often each claim may be wrong.
    """
    runs = runs_of_both(*sides)
    return Compared(
        p=p,
        lead=float(runs.difference),
        ability=runs.bounds(1 - 2 * alpha),
        ability_wide=runs.bounds(1 - alpha),
        time=time_of(old.facts, new.facts),
        old=old.facts,
        new=new.facts,
        alpha=alpha,
    )


def time_of(old: Facts, new: Facts):  # noqa: ANN201
    return time_ratio(old.seconds, new.seconds, min(old.independent, new.independent))
