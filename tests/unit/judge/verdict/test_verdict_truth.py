"""Simulated trials whose truth is known, the short form of `bench/verdict_truth.py`: verdicts keep their 5 percent."""

import math

import pytest
from bench import verdict_truth as bench
from bench.verdict_truth import FALSE, TRUE, Truth

ROUNDS = 80


def most(share: float, rounds: int) -> float:
    """As many of `rounds` as chance gives a true share in all but one of 1000 tests."""
    return share + 3.1 * math.sqrt(share * (1 - share) / rounds)


@pytest.mark.parametrize("truth", FALSE, ids=lambda truth: truth.name)
@pytest.mark.parametrize(("tasks", "runs"), [(9, 5)])
def test_equal_contenders_get_the_bare_word_in_five_of_a_hundred(truth: Truth, tasks: int, runs: int) -> None:
    _, these, bare = bench.says_better(truth, tasks, runs, ROUNDS)
    assert bare <= most(0.05, ROUNDS)
    if "over tasks" not in truth.name:
        assert these <= most(0.05, ROUNDS)


def test_the_rule_before_did_not() -> None:
    """What the simulation is for: it shows the faults that it was written against."""
    copied = next(truth for truth in FALSE if truth.name == "equal; every second run a copy")
    lucky = next(truth for truth in FALSE if "correlation" in truth.name)
    assert bench.says_better(copied, 9, 10, ROUNDS)[0] > most(0.05, ROUNDS)
    assert bench.says_better(lucky, 9, 10, ROUNDS)[0] > most(0.05, ROUNDS)


@pytest.mark.slow
def test_a_large_difference_is_found_for_both_scopes_and_pairs_see_more() -> None:
    large = next(truth for truth in TRUE if truth.name.startswith("20 against 90"))
    assert bench.says_better(large, 9, 3, ROUNDS)[2] > 0.8
    instances = next(truth for truth in TRUE if truth.name.startswith("easy and hard"))
    before, today, _ = bench.says_better(instances, 9, 10, ROUNDS)
    assert today > before + 0.2


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 0.33, 0.9, 1.0])
@pytest.mark.parametrize(("tasks", "runs", "rate"), [(3, 1, 0.95), (6, 3, 0.5), (12, 5, 0.95), (27, 1, 0.05)])
def test_intervals_for_tasks_like_these_cover(spread: float, tasks: int, runs: int, rate: float) -> None:
    _, held, _ = bench.covers(tasks, runs, rate, spread, ROUNDS)
    assert 1 - held <= most(0.05, ROUNDS)


@pytest.mark.parametrize("truth", [truth for truth in FALSE if any(truth.lost)], ids=lambda truth: truth.name)
def test_intervals_of_the_difference_cover_where_some_tasks_lost_most_runs(truth: Truth) -> None:
    _, these, wide = bench.difference_covers(truth, 9, 5, 0.0, ROUNDS)
    assert 1 - these <= most(0.05, ROUNDS)
    assert 1 - wide <= most(0.05, ROUNDS)


@pytest.mark.slow
@pytest.mark.parametrize("truth", [FALSE[1], FALSE[4], FALSE[7], TRUE[0]], ids=lambda truth: truth.name)
@pytest.mark.parametrize(("tasks", "runs"), [(3, 1), (6, 3)])
def test_intervals_of_the_difference_cover(truth: Truth, tasks: int, runs: int) -> None:
    mean = 0.3 if truth in TRUE else 0.0
    _, these, wide = bench.difference_covers(truth, tasks, runs, mean, ROUNDS)
    assert 1 - these <= most(0.05, ROUNDS)
    assert 1 - wide <= most(0.05, ROUNDS)
