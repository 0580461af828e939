"""Depths of context: those that are wanted where there is time, less deep ones where there is not."""

from collections.abc import Callable

import pytest

from onbox.speed.depths import depth_in_time, expected_s, measure_depths

WANTED = (1024, 4096, 16_384)


def tried(
    cost_s: Callable[[int], float], budget_s: float | None, refused_from: int = 10**9, wanted: tuple[int, ...] = WANTED
) -> tuple[tuple[int, ...], list[int], list[str]]:
    """(depths that were measured, all first requests that were made, what was said) on a server of such costs."""
    requests: list[int] = []
    notes: list[str] = []

    def measure(depth: int, limit_s: float | None) -> tuple[float | None, bool]:
        requests.append(depth)
        if depth >= refused_from:
            return None, False
        return cost_s(depth), limit_s is None or cost_s(depth) <= limit_s

    return measure_depths(wanted, (0, cost_s(0)), budget_s, measure, notes.append), requests, notes


def test_a_fast_server_gets_all_of_them() -> None:
    assert tried(lambda depth: 1 + depth / 10_000, 90.0) == (WANTED, list(WANTED), [])


def test_without_a_budget_all_of_them_whatever_they_take() -> None:
    assert tried(lambda depth: 4 + depth / 10, None) == (WANTED, list(WANTED), [])


def test_what_would_take_too_long_is_not_even_begun_and_the_half_of_it_is() -> None:
    """A processor that reads 150 tokens of a prompt a second, and 90 s for four requests."""
    measured, request, notes = tried(lambda depth: 4.5 + depth / 150, 90.0)
    assert measured == (1024, 2048)
    assert request == [1024, 2048], "4096 would take 32 s, and 22.5 are there"
    (note,) = notes
    assert note == "depth 16384: not measured (--budget 455)"


def test_a_first_depth_that_takes_too_long_is_halved_and_there_are_three_points() -> None:
    measured, request, _ = tried(lambda depth: 4.5 + depth / 50, 90.0)
    assert request == [1024, 512, 256]
    assert measured == (512, 256)


def test_a_server_that_is_too_slow_for_any_is_left_in_peace() -> None:
    measured, request, notes = tried(lambda depth: 4.5 + depth / 5, 90.0)
    assert (measured, request) == ((), [1024])
    assert notes == ["depth 1024: not measured (--budget 838)"], "four requests of 4.5 s, and 1024 tokens at 5 a second"


def test_one_that_fails_ends_it() -> None:
    assert tried(lambda depth: 1.0, 90.0, refused_from=8192)[:2] == ((1024, 4096), [1024, 4096, 16_384])


def test_nothing_wanted_is_nothing_measured() -> None:
    assert tried(lambda depth: 1.0, 90.0, wanted=()) == ((), [], [])


def test_costs_that_grow_faster_than_depth_are_found_by_the_first_request() -> None:
    """Attention over a long prompt: 16384 was expected in time, and is not."""
    measured, request, _ = tried(lambda depth: 1 + (depth / 3000) ** 2, 90.0)
    assert request == [1024, 4096, 16_384, 8192]
    assert measured == (1024, 4096, 8192)


@pytest.mark.parametrize(("depth", "seconds"), [(0, 2.0), (512, 7.0), (2048, 22.0)])
def test_the_time_of_a_depth_lies_on_the_line_through_the_nearest_two(depth: int, seconds: float) -> None:
    assert expected_s(depth, {0: 2.0, 1024: 12.0}) == pytest.approx(seconds)


def test_nothing_deeper_than_what_was_measured_is_nothing() -> None:
    assert depth_in_time(1024, {0: 1.0, 1024: 2.0}, 10.0) is None
