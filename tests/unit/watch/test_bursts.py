"""Processor time in bursts is work; a loop that never rests, and one that only looks, have none."""

import pytest

from onbox.watch.bursts import Bursts


def times(bursts: Bursts, shares: list[float]) -> list[int]:
    """The seconds at which a burst began, one look a second."""
    bursts.take(0.0, 0.0)
    return [n for n, share in enumerate(shares, 1) if bursts.take(float(n), share)]


def test_three_seconds_of_every_fifteen() -> None:
    assert times(Bursts(), ([1.0] * 3 + [0.0] * 12) * 4) == [1, 16, 31, 46]


def test_a_loop_without_a_rest_begins_once() -> None:
    assert times(Bursts(), [1.0] * 100) == [1]


@pytest.mark.parametrize("share", [0.02, 0.1, 0.29])
def test_what_only_looks_has_none(share: float) -> None:
    assert times(Bursts(), [share] * 100) == []


def test_a_short_blip_is_no_burst() -> None:
    assert times(Bursts(), ([0.4] + [0.0] * 9) * 10) == []


def test_it_counts_while_each_look_is_late() -> None:
    bursts = Bursts()
    assert [bursts.take(t, cpu) for t, cpu in ((0.0, 0.0), (12.0, 0.0), (13.0, 0.8), (25.0, 0.1), (26.0, 0.9))] == [
        False, False, True, False, True,
    ]  # fmt: skip


def test_a_rhythm_needs_two_and_ends_when_one_is_missed() -> None:
    bursts = Bursts()
    times(bursts, [1.0] * 3 + [0.0] * 12)
    assert not bursts.in_rhythm(15.0)
    times(bursts, ([1.0] * 3 + [0.0] * 12) * 2)
    assert bursts.in_rhythm(30.0)
    assert not bursts.in_rhythm(60.0)
