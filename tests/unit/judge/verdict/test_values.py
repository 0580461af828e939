"""The rule for a pair: ability first, of equals the faster, the smaller, the seeing; or what the owner values."""

from dataclasses import replace
from typing import Any

import pytest

from onbox.evidence.records import OwnerValues
from onbox.judge.comparison_results import Ability, Basis, Pace
from onbox.judge.verdict.speed_ratio import time_ratio
from onbox.judge.verdict.standing import ContenderFacts, demands
from onbox.judge.verdict.values import PairFacts, PairRuling, weigh

GB = 10**9


def facts(pace: float = 1.0, spread: float = 0.03, **more: Any) -> ContenderFacts:
    seconds = {
        (f"t{task}", n): 60 * pace * (1 + spread * ((n * 7 + task * (3 if pace != 1 else 5)) % 5 - 2))
        for task in range(6)
        for n in range(4)
    }
    return ContenderFacts(seconds=seconds, **more)


def pair(lead: float = 0.0, half: float = 0.05, p: float | None = 0.9, pace: float = 1.0, **more: Any) -> PairFacts:
    old, new = facts(**more.pop("old", {})), facts(pace, **more.pop("new", {}))
    found = PairFacts(
        p=p,
        lead=lead,
        ability=(lead - half, lead + half),
        ability_wide=(lead - 1.2 * half, lead + 1.2 * half),
        time=time_ratio(old.seconds, new.seconds),
        old=old,
        new=new,
        passes=(True, True),
        level=0.05,
        each=0.05,
    )
    return replace(found, **more)


def weighed(found: PairFacts, **values: Any) -> PairRuling:
    owner = OwnerValues(**values)
    return weigh(found, owner, demands(owner, found.old), demands(owner, found.new))


class TestOrder:
    @pytest.mark.parametrize(
        ("found", "verdict", "basis"),
        [
            pytest.param(pair(0.3, p=0.01), "switch", Basis.ABILITY, id="better"),
            pytest.param(pair(0.3, p=0.01, pace=4.0), "switch", Basis.ABILITY, id="better and slower"),
            pytest.param(pair(-0.3, p=0.01, pace=0.1), "keep", Basis.ABILITY, id="worse and faster"),
            pytest.param(pair(pace=0.1), "switch", Basis.SPEED, id="equal and ten times faster"),
            pytest.param(pair(pace=1.0), "keep", Basis.EQUAL, id="equal in all"),
            pytest.param(pair(pace=1.5), "keep", Basis.EQUAL, id="equal and slower"),
            pytest.param(pair(half=0.3, pace=0.1), "undecided", Basis.NOTHING, id="faster, and ability open"),
            pytest.param(pair(half=0.3, pace=1.0), "undecided", Basis.NOTHING, id="ability open"),
            pytest.param(pair(-0.2, half=0.25, pace=0.3), "undecided", Basis.NOTHING, id="no better, faster"),
            pytest.param(pair(-0.2, half=0.25, pace=1.5), "keep", Basis.EQUAL, id="no better, slower"),
            pytest.param(pair(0.2, half=0.25, pace=0.3), "switch", Basis.SPEED, id="no worse, faster"),
            pytest.param(pair(pace=0.1, passes=(True, False)), "undecided", Basis.NOTHING, id="one does nothing"),
            pytest.param(pair(p=None), "undecided", Basis.NOTHING, id="nothing to compare"),
            pytest.param(pair(time=None), "undecided", Basis.NOTHING, id="times unknown"),
        ],
    )
    def test_ability_then_speed(self, found: PairFacts, verdict: str, basis: Basis) -> None:
        assert (weighed(found).verdict, weighed(found).basis) == (verdict, basis)

    def test_noisy_times_are_no_reason_to_keep(self) -> None:
        found = weighed(pair(pace=0.97, new={"spread": 0.45}, old={"spread": 0.45}))
        assert (found.verdict, found.ability, found.pace) == ("undecided", Ability.EQUAL, Pace.UNKNOWN)

    def test_of_equals_the_smaller(self) -> None:
        small, large = {"memory_bytes": 4 * GB}, {"memory_bytes": 8 * GB}
        assert weighed(pair(old=large, new=small)).basis is Basis.MEMORY
        assert weighed(pair(old=large, new=small)).verdict == "switch"
        assert weighed(pair(old=small, new=large)).verdict == "keep"
        assert weighed(pair(old=large)).basis is Basis.EQUAL, "an unknown need is no small one"

    def test_of_equals_the_seeing(self) -> None:
        assert weighed(pair(old={"sees": False}, new={"sees": True})).basis is Basis.SIGHT
        assert weighed(pair(old={"sees": None}, new={"sees": True})).basis is Basis.EQUAL

    def test_a_switch_says_what_it_gives_up(self) -> None:
        found = weighed(
            pair(pace=0.3, old={"sees": True, "memory_bytes": GB}, new={"sees": False, "memory_bytes": 3 * GB})
        )
        assert found.verdict == "switch"
        assert found.losses == ("it needs 2.00 GB more memory", "it cannot see")


class TestOwner:
    def test_the_margin_is_the_owners(self) -> None:
        assert weighed(pair(half=0.15, pace=0.3), ability_margin=0.2).verdict == "switch"
        assert weighed(pair(half=0.05, pace=0.3), ability_margin=0.02).verdict == "undecided"

    def test_what_a_minute_is_worth(self) -> None:
        faster_and_worse = pair(-0.15, half=0.05, p=0.01, pace=0.25)
        assert weighed(faster_and_worse).verdict == "keep"
        assert weighed(faster_and_worse, rate_per_minute=0.01).verdict == "keep"
        found = weighed(faster_and_worse, rate_per_minute=0.5)
        assert (found.verdict, found.basis, found.losses) == ("switch", Basis.WORTH, ("it passes less",))
        assert weighed(faster_and_worse, rate_per_minute=0.2).basis is Basis.EQUAL
        assert weighed(faster_and_worse, rate_per_minute=0.2, ability_margin=0.03).verdict == "undecided"
        assert weighed(pair(0.3, p=0.01, time=None), rate_per_minute=0.5).verdict == "undecided"

    @pytest.mark.parametrize(
        ("values", "known", "state"),
        [
            ({"must_see": True}, {"sees": False}, "missed"),
            ({"must_see": True}, {"sees": None}, "unknown"),
            ({"must_see": True}, {"sees": True}, "met"),
            ({"memory_free_gb": 8}, {"free_bytes": 7 * GB}, "missed"),
            ({"memory_free_gb": 8}, {"free_bytes": 8 * GB}, "met"),
            ({"memory_free_gb": 8}, {}, "unknown"),
            ({"context_tokens": 32768}, {"context_tokens": 4096}, "missed"),
            ({"context_tokens": 32768}, {}, "unknown"),
        ],
    )
    def test_who_misses_a_demand_is_not_switched_to(
        self, values: dict[str, Any], known: dict[str, Any], state: str
    ) -> None:
        owner = OwnerValues(**values)
        assert list(demands(owner, ContenderFacts(**known)).values()) == [state]
        good = {"sees": True, "free_bytes": 9 * GB, "context_tokens": 65536}
        found = weighed(pair(0.3, p=0.01, old=good, new=known), **values)
        assert found.verdict == {"missed": "keep", "unknown": "undecided", "met": "switch"}[state]
        assert (found.missing != ()) == (state == "unknown")

    def test_an_incumbent_that_misses_one_is_left_for_an_equal_that_meets_it(self) -> None:
        found = pair(half=0.3, pace=2.0, old={"sees": False}, new={"sees": True})
        assert (weighed(found, must_see=True).verdict, weighed(found, must_see=True).basis) == ("switch", Basis.DEMAND)
        idle = replace(found, passes=(True, False))
        assert weighed(idle, must_see=True).verdict == "undecided", "what passes nothing is worth no switch"
        worse = replace(found, p=0.01, lead=-0.4)
        assert weighed(worse, must_see=True).verdict == "undecided"
