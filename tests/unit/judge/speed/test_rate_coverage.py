"""The interval of a decode rate against requests whose truth is known, the short form of `bench/rate_coverage.py`."""

import math

import numpy as np
import pytest
from bench.rate_coverage import SCATTER, TOKENS, TRUTH_TOK_S, holds_t

ROUNDS = 600


@pytest.mark.parametrize("name", [name for name in SCATTER if "one in ten" not in name])
@pytest.mark.parametrize("requests", [4, 8])
def test_the_interval_of_a_rate_holds_the_truth(name: str, requests: int) -> None:
    random = np.random.default_rng(requests)
    held = [holds_t((TOKENS / TRUTH_TOK_S * SCATTER[name](random, requests)).tolist()) for _ in range(ROUNDS)]
    assert 1 - sum(held) / ROUNDS <= 0.05 + 3.1 * math.sqrt(0.05 * 0.95 / ROUNDS)
    assert not all(held), "an interval that always holds the truth says nothing"
