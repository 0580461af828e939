"""The quick form of bench/values_simulation.py: the rule against drawn trials whose truth is known."""

import random
from collections import Counter

import pytest
from bench.values_simulation import LOOKS, World


@pytest.mark.parametrize("name", ["one look", "until settled, O'Brien-Fleming", "extended four times, corrected"])
def test_looks_keep_their_share_of_errors(name: str) -> None:
    draw, trials = random.Random(29), 60
    wrong = sum(LOOKS[name](World(draw, rates=(0.6, 0.6))) for _ in range(trials))
    # Seven of 60 or more would be chance in fewer than 3 of 100 where six percent are the truth.
    assert wrong < 8


def test_noisy_times_of_a_faster_challenger_are_never_a_reason_to_keep() -> None:
    draw, message = random.Random(31), Counter[str]()
    for _ in range(60):
        message[World(draw, rates=(0.95, 0.95), pace=0.7, noise=0.6).pair(3).weighed.verdict] += 1
    assert message["keep"] == 0
    assert message["undecided"] > 0


def test_an_equal_challenger_that_is_ten_times_faster_is_switched_to() -> None:
    draw = random.Random(37)
    found = [World(draw, tasks=27, rates=(0.9, 0.9), pace=0.1).pair(5).weighed for _ in range(20)]
    assert sum(each.verdict == "switch" for each in found) >= 12
    assert all(each.pace.value == "faster" for each in found)
