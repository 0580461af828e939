"""How often the interval of a decode rate holds the truth, by simulation: Student's t over requests, beside the
bootstrap that earlier releases used.

    PYTHONPATH=src python bench/rate_coverage.py
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from onbox.judge.intervals import ratio_half_width
from onbox.judge.speed.request_kinds import other_kind

TRUTH_TOK_S, TOKENS, ROUNDS, RESAMPLES = 24.0, 96.0, 4000, 400
FIRST, WITHIN = 4, 0.02
SCATTER: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal, 3 %": lambda random, n: 1 + 0.03 * random.standard_normal(n),
    "lognormal, 10 %": lambda random, n: np.exp(0.1 * random.standard_normal(n)) / np.exp(0.005),
    "one in ten is 20 % slower": lambda random, n: (
        (1 + 0.2 * (random.random(n) < 0.1)) / 1.02 + 0.005 * random.standard_normal(n)
    ),
}


def holds_t(seconds: Sequence[float]) -> bool:
    """Whether the interval by Student's t holds the truth."""
    half = ratio_half_width([(TOKENS, each) for each in seconds])
    rate = TOKENS * len(seconds) / sum(seconds)
    return half is not None and rate * (1 - half) <= TRUTH_TOK_S <= rate * (1 + half)


def holds_bootstrap(seconds: np.ndarray, random: np.random.Generator) -> bool:
    """Whether the percentile bootstrap over requests does."""
    drawn = random.choice(seconds, (RESAMPLES, len(seconds)))
    low, high = np.percentile(TOKENS * len(seconds) / drawn.sum(axis=1), [2.5, 97.5])
    return bool(low <= TRUTH_TOK_S <= high)


def two_rounds(
    scatter: Callable[[np.random.Generator, int], np.ndarray], random: np.random.Generator
) -> tuple[bool, bool]:
    """(whether the interval of `--within 1%` holds the truth, whether one that took its scatter from all would)."""
    seconds = (TOKENS / TRUTH_TOK_S * scatter(random, FIRST)).tolist()
    half = ratio_half_width([(TOKENS, each) for each in seconds])
    assert half is not None
    total = min(500, max(FIRST, math.ceil(FIRST * (half / WITHIN) ** 2)))
    seconds += (TOKENS / TRUTH_TOK_S * scatter(random, total - FIRST)).tolist()
    pairs, rate = [(TOKENS, each) for each in seconds], TOKENS * total / sum(seconds)
    halves = (ratio_half_width(pairs, first=FIRST), ratio_half_width(pairs))
    first, pooled = (half is not None and abs(TRUTH_TOK_S / rate - 1) <= half for half in halves)
    return first, pooled


def kinds(seconds: Sequence[float]) -> tuple[bool, bool]:
    """(whether requests of two kinds are found, whether they are, or the interval holds the truth)."""
    found = other_kind([each / TOKENS for each in seconds]) is not None
    return found, found or holds_t(seconds)


def main() -> None:
    """Print three tables."""
    print("| scatter of a request's time | requests | two kinds found | or the interval holds |")
    print("|---|---|---|---|")
    for name, scatter in SCATTER.items():
        for requests in (4, 8, 16, 32):
            random = np.random.default_rng(requests)
            found = [kinds((TOKENS / TRUTH_TOK_S * scatter(random, requests)).tolist()) for _ in range(ROUNDS // 2)]
            told = [f"{sum(column) / len(found):.1%}" for column in zip(*found, strict=True)]
            print(f"| {name} | {requests} | {' | '.join(told)} |", flush=True)
    print("\n| scatter of a request's time | requests | Student's t | bootstrap |\n|---|---|---|---|")
    for name, scatter in SCATTER.items():
        for requests in (4, 8, 16):
            random = np.random.default_rng(requests)
            rounds = [TOKENS / TRUTH_TOK_S * scatter(random, requests) for _ in range(ROUNDS)]
            t = sum(holds_t(each.tolist()) for each in rounds) / ROUNDS
            bootstrap = sum(holds_bootstrap(each, random) for each in rounds) / ROUNDS
            print(f"| {name} | {requests} | {t:.1%} | {bootstrap:.1%} |")
    print("\n| scatter of a request's time | `--within`: of the first round | of all requests |\n|---|---|---|")
    for name, scatter in SCATTER.items():
        random = np.random.default_rng(1)
        held = [two_rounds(scatter, random) for _ in range(ROUNDS)]
        first, pooled = (sum(column) / ROUNDS for column in zip(*held, strict=True))
        print(f"| {name} | {first:.1%} | {pooled:.1%} |")


if __name__ == "__main__":
    main()
