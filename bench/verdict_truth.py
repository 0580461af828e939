"""How often a verdict is wrong and an interval holds the truth, by simulation of trials whose truth is known.

    PYTHONPATH=src python bench/verdict_truth.py            # the tables of docs/statistics.md
    PYTHONPATH=src python bench/verdict_truth.py --rounds 200 --table rates

Beside today's rule stands that of rules 1 to 3: all runs of a task permuted, no scope, answers counted as they come.
"""

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from onbox.judge.comparison_results import Basis
from onbox.judge.intervals import Interval, t_quantile, wilson
from onbox.judge.mean_bounds import mean_above, mean_interval
from onbox.judge.statistics import stratified_permutation
from onbox.judge.verdict.cells import CountedRun
from onbox.judge.verdict.comparison import UNDECIDED, Pair, Rule, Side, decide, pairs
from onbox.judge.verdict.scope import TASKS_LIKE_THESE, scope_of
from onbox.judge.verdict.standing import ContenderFacts

SEED = 20261129
Random = np.random.Generator
Rates = np.ndarray
"""Chance to pass, of each task and run."""
Trial = tuple[dict[str, list[CountedRun]], dict[str, list[CountedRun]]]
P_MAX = 0.05
WIDTHS = 100
"""Intervals whose width is looked at; whether they hold the truth is looked at in all."""


@dataclass(frozen=True)
class Truth:
    """A world that trials are drawn from.

    Args:
        name: of it.
        rates: (incumbent's, challenger's) of each task and run.
        copies: chance of each side that a run repeats the one before it, answer and end.
        instances: whether each run has files of its own.
        invalid: chance that a run has no valid end.
        lost: the same of each side, in a quarter of the tasks.
    """

    name: str
    rates: Callable[[Random, int, int], tuple[Rates, Rates]]
    copies: tuple[float, float] = (0.0, 0.0)
    instances: bool = True
    invalid: float = 0.0
    lost: tuple[float, float] = (0.0, 0.0)

    def draw(self, random: Random, tasks: int, runs: int) -> tuple[Trial, float]:
        """A trial, and the mean difference of the rates on the tasks that both have runs of."""
        sides = self.rates(random, tasks, runs)
        drawn = [self._side(random, sides[of], self.copies[of], self.lost[of]) for of in range(2)]
        kept = [task for task in range(tasks) if all(side[str(task)] for side in drawn)]
        return (drawn[0], drawn[1]), float((sides[1] - sides[0])[kept].mean()) if kept else 0.0

    def _side(self, random: Random, rates: Rates, copied: float, lost: float) -> dict[str, list[CountedRun]]:
        found: dict[str, list[CountedRun]] = {}
        for task, chances in enumerate(rates):
            invalid = lost if lost and few(task, len(rates)) else self.invalid
            runs: list[CountedRun] = []
            answer, passed = 0, False
            for n, chance in enumerate(chances):
                if n == 0 or random.random() >= copied:
                    answer, passed = n, bool(random.random() < chance)
                instance = f"{task}/{n}" if self.instances else str(task)
                if random.random() >= invalid:
                    runs.append(CountedRun(n, passed, instance, answer))
            found[str(task)] = runs
        return found


def few(task: int, tasks: int) -> bool:
    """Whether a task is one of the first quarter."""
    return task < max(1, tasks // 4)


def _each(rates: np.ndarray, runs: int) -> Rates:
    return np.repeat(rates[:, None], runs, axis=1)


def equal(random: Random, tasks: int, runs: int) -> tuple[Rates, Rates]:
    """Both pass each task alike; tasks differ."""
    rates = _each(random.beta(1, 1, tasks), runs)
    return rates, rates


def lucky(random: Random, tasks: int, runs: int) -> tuple[Rates, Rates]:
    """Equal over tasks, each luckier on some: an intraclass correlation of 1/3."""
    return _each(random.beta(1, 1, tasks), runs), _each(random.beta(1, 1, tasks), runs)


def skewed(_random: Random, tasks: int, runs: int) -> tuple[Rates, Rates]:
    """Equal over tasks: a tenth better on nine of ten, and all lost on the tenth."""
    better = _each(_random.random(tasks) < 0.9, runs)
    return np.full((tasks, runs), 0.9), np.where(better, 1.0, 0.0)


def hard_first(_random: Random, tasks: int, runs: int) -> tuple[Rates, Rates]:
    """Equal on each task: half of the runs of the first quarter of the tasks pass, and nearly all of the others."""
    rates = _each(np.array([0.5 if few(task, tasks) else 0.97 for task in range(tasks)]), runs)
    return rates, rates


def instances(shift: float) -> Callable[[Random, int, int], tuple[Rates, Rates]]:
    """Easy and hard instances of each task, the same for both; the challenger turns `shift` of the hard ones easy."""

    def rates(random: Random, tasks: int, runs: int) -> tuple[Rates, Rates]:
        hard = random.random((tasks, runs)) < 0.5
        return np.where(hard, 0.05, 0.95), np.where(hard, 0.05 + 0.9 * shift, 0.95)

    return rates


def better(low: float, high: float, spread: float = 0.0) -> Callable[[Random, int, int], tuple[Rates, Rates]]:
    """The challenger passes more, on each task by so much plus or minus a spread."""

    def rates(random: Random, tasks: int, runs: int) -> tuple[Rates, Rates]:
        moved = np.clip(high + spread * random.standard_normal(tasks), 0, 1)
        return np.full((tasks, runs), low), _each(moved, runs)

    return rates


FALSE = (
    Truth("equal on each task", equal),
    Truth("equal on each task, the same files in every run", equal, instances=False),
    Truth("equal over tasks, luckier on some (correlation 1/3)", lucky),
    Truth("equal over tasks, the same files in every run", lucky, instances=False),
    Truth("equal; every second run a copy", equal, copies=(0.5, 0.5)),
    Truth("equal; every second run a copy, the same files", equal, copies=(0.5, 0.5), instances=False),
    Truth("equal; only the incumbent copies", equal, copies=(0.5, 0.0), instances=False),
    Truth("equal; all runs copies", equal, copies=(1.0, 1.0), instances=False),
    Truth("equal; easy and hard instances", instances(0.0)),
    Truth("equal over tasks: 10 points better on 9 of 10, all lost on one", skewed),
    Truth("equal on each task; one run in ten invalid", equal, invalid=0.1),
    Truth("equal on each task; a quarter lost 4 of 5 runs", equal, lost=(0.8, 0.8)),
    Truth("equal on each task; the challenger lost 4 of 5 on a quarter", equal, lost=(0.0, 0.8)),
    Truth("equal on each task; the hard quarter lost 4 of 5", hard_first, lost=(0.8, 0.8)),
    Truth("equal; the challenger lost 4 of 5 on the hard quarter", hard_first, lost=(0.0, 0.8)),
    Truth("equal; the incumbent lost 4 of 5 there, the same files", hard_first, lost=(0.8, 0.0), instances=False),
)
TRUE = (
    Truth("50 against 80 %", better(0.5, 0.8)),
    Truth("50 against 80 %, the same files in every run", better(0.5, 0.8), instances=False),
    Truth("50 against 80 %, plus or minus 20", better(0.5, 0.8, 0.2)),
    Truth("20 against 90 %, plus or minus 10", better(0.2, 0.9, 0.1)),
    Truth("50 against 80 %; a quarter of the tasks lost 4 of 5 runs", better(0.5, 0.8), lost=(0.8, 0.8)),
    Truth("easy and hard instances, a third of the hard ones easy", instances(0.33)),
)
SIZES = ((9, 3), (27, 3), (9, 10), (27, 10))


def pair_of(trial: Trial) -> Pair:
    """The trial's two sides, compared as the judge does."""
    old, new = (Side(side, ContenderFacts()) for side in trial)
    return pairs(old, [new], Rule())[0]


def by_ability(pair: Pair) -> bool:
    """Whether the verdict says that one is better: a switch, or a keep that is no mere draw."""
    if pair.p is None or pair.p >= P_MAX:
        return False
    return decide(pair) != UNDECIDED and pair.weighed.basis is Basis.ABILITY


def before(trial: Trial) -> bool:
    """Whether rules 1 to 3 said that one is better."""
    old, new = trial
    counts = [
        (sum(run.passed for run in new[task]), len(new[task]), sum(run.passed for run in old[task]), len(old[task]))
        for task in old
    ]
    copied = all(len({run.answer for run in runs}) == 1 for runs in (*old.values(), *new.values()) if len(runs) > 1)
    if copied:
        counts = [(min(a, 1), min(b, 1), min(c, 1), min(d, 1)) for a, b, c, d in counts]
    p = stratified_permutation(counts)
    return p is not None and p < P_MAX


def says_better(truth: Truth, tasks: int, runs: int, rounds: int) -> tuple[float, float, float]:
    """Share of trials with a verdict by ability: (before, today in any scope, today with the bare word)."""
    random = np.random.default_rng([SEED, tasks, runs])
    found = np.zeros(3)
    for _ in range(rounds):
        trial, _ = truth.draw(random, tasks, runs)
        pair = pair_of(trial)
        by_today = by_ability(pair)
        found += (before(trial), by_today, by_today and scope_of(pair) == TASKS_LIKE_THESE)
    share = found / rounds
    return float(share[0]), float(share[1]), float(share[2])


def rates_of(spread: float, rate: float, random: Random, tasks: int) -> np.ndarray:
    """Rates of tasks with this mean; the spread is the intraclass correlation, 0 to 1."""
    if not spread:
        return np.full(tasks, rate)
    if spread == 1:
        return (random.random(tasks) < rate).astype(float)
    size = 1 / spread - 1
    return random.beta(rate * size, (1 - rate) * size, tasks)


def cluster_wilson(cells: Sequence[tuple[float, float]], confidence: float = 0.95) -> Interval | None:
    """Interval of a pass rate for tasks like these as rules 1 to 3 had it: the task is the cluster.

    Wilson's interval with n_eff = pq/v, v = C/(C-1) * sum((passed - n*p)^2) / N^2, never above N, and Student's t with
    C - 1 degrees of freedom in place of z; at p of 0 or 1, where v says nothing, n_eff = N.

    Args:
        cells: (passed, valid runs) of each task.
        confidence: two-sided.

    Returns:
        None with fewer than two tasks that have a run: one task says nothing of others.
    """
    used = [(passed, n) for passed, n in cells if n > 0]
    if len(used) < 2:
        return None
    total = sum(n for _, n in used)
    share = sum(passed for passed, _ in used) / total
    variance = sum((passed - n * share) ** 2 for passed, n in used) * len(used) / (len(used) - 1) / total**2
    spread = share * (1 - share)
    n_eff = min(total, spread / variance) if spread > 0 and variance > 0 else total
    return wilson(share * n_eff, n_eff, t_quantile(confidence, len(used) - 1))


def newcombe(a: tuple[float, float], b: tuple[float, float]) -> Interval | None:
    """95 percent interval of the difference b - a of two proportions (Newcombe 1998, method 10), as rules 1 to 3
    had it.

    Args:
        a: (passed, n) of the one.
        b: (passed, n) of the other.

    Returns:
        None when either has no run.
    """
    wilson_a, wilson_b = wilson(*a), wilson(*b)
    if wilson_a is None or wilson_b is None:
        return None
    rate_a, rate_b = a[0] / a[1], b[0] / b[1]
    difference = rate_b - rate_a
    low = difference - math.hypot(rate_b - wilson_b[0], wilson_a[1] - rate_a)
    high = difference + math.hypot(wilson_b[1] - rate_b, rate_a - wilson_a[0])
    return low, high


def covers(tasks: int, runs: int, rate: float, spread: float, rounds: int) -> tuple[float, float, float]:
    """Share of trials whose interval for tasks like these holds the rate: (before, today); and today's mean width."""
    random = np.random.default_rng([SEED, tasks, runs, round(100 * rate), round(100 * spread)])
    was = held = width = 0.0
    for n in range(rounds):
        passed = random.binomial(runs, rates_of(spread, rate, random, tasks))
        held += _holds(tuple(sorted(int(each) for each in passed)), runs, rate)
        if n < WIDTHS:
            low, high = mean_interval([float(each) for each in passed / runs], 0, 1)
            width += high - low
        former = cluster_wilson([(float(each), runs) for each in passed]) or (0.0, 1.0)
        was += former[0] - 1e-9 <= rate <= former[1] + 1e-9
    return was / rounds, held / rounds, width / min(rounds, WIDTHS)


@lru_cache(1 << 16)
def _holds(passed: tuple[int, ...], runs: int, rate: float) -> bool:
    """Whether the interval of so many passes a task holds the rate; equal ends hold it."""
    values = [each / runs for each in passed]
    too_high = mean_above(values, 0, 1, rate + 1e-9)
    return not too_high and not mean_above([1 - each for each in values], 0, 1, 1 - rate + 1e-9)


def difference_covers(truth: Truth, tasks: int, runs: int, mean: float, rounds: int) -> tuple[float, float, float]:
    """Share of trials whose interval of the difference holds it: (before, these tasks, tasks like these)."""
    random = np.random.default_rng([SEED, tasks, runs, 1])
    held = np.zeros(3)
    for _ in range(rounds):
        (old, new), value = truth.draw(random, tasks, runs)
        pair = pair_of((old, new))
        totals = [
            (sum(r.passed for t in side.values() for r in t), sum(map(len, side.values()))) for side in (old, new)
        ]
        for at, (interval, target) in enumerate(
            ((newcombe(*totals), value), (pair.runs.interval, value), (pair.runs.population_interval, mean))
        ):
            held[at] += interval is None or interval[0] - 1e-9 <= target <= interval[1] + 1e-9
    share = held / rounds
    return float(share[0]), float(share[1]), float(share[2])


def _table(truths: Sequence[Truth], rounds: int) -> None:
    head = " | ".join(f"{tasks} x {runs}" for tasks, runs in SIZES)
    print(f"| truth | {head} |\n|---|{'---|' * len(SIZES)}")
    for truth in truths:
        cells = []
        for tasks, runs in SIZES:
            old, any_scope, bare = says_better(truth, tasks, runs, rounds)
            cells.append(f"{100 * old:.1f}, {100 * any_scope:.1f}, **{100 * bare:.1f}**")
        print(f"| {truth.name} | {' | '.join(cells)} |", flush=True)


def _wrong(rounds: int) -> None:
    print(f"Percent of {rounds} trials that call one of two equal contenders better: before, these tasks, both.\n")
    _table(FALSE, rounds)


def _right(rounds: int) -> None:
    print(f"\nPercent of {rounds} trials that find the challenger better, where it is.\n")
    _table(TRUE, rounds)


def _rates(rounds: int) -> None:
    print(
        f"\nPercent of {rounds} intervals of a rate for tasks like these that hold it, least over rates of 5 to 95 %:"
    )
    print("before, today (widest mean width).\n")
    print("| spread | 3 x 1 | 3 x 10 | 6 x 3 | 12 x 5 | 27 x 1 | 27 x 10 |\n|---|---|---|---|---|---|---|")
    for spread in (0.0, 0.1, 0.33, 0.66, 0.9, 1.0):
        cells = []
        for tasks, runs in ((3, 1), (3, 10), (6, 3), (12, 5), (27, 1), (27, 10)):
            found = [covers(tasks, runs, rate, spread, rounds) for rate in (0.05, 0.2, 0.5, 0.8, 0.95)]
            was, held, width = min(f[0] for f in found), min(f[1] for f in found), max(f[2] for f in found)
            cells.append(f"{100 * was:.0f}, {100 * held:.0f} ({100 * width:.0f})")
        print(f"| {spread} | {' | '.join(cells)} |", flush=True)


def _differences(rounds: int) -> None:
    print(f"\nPercent of {rounds} intervals of the difference that hold it: before, these tasks, tasks like these.\n")
    print("| truth | 3 x 1 | 3 x 3 | 6 x 3 | 9 x 3 | 27 x 10 |\n|---|---|---|---|---|---|")
    for truth, mean in (*((truth, 0.0) for truth in FALSE), (TRUE[0], 0.3), (TRUE[1], 0.3)):
        cells = []
        for tasks, runs in ((3, 1), (3, 3), (6, 3), (9, 3), (27, 10)):
            shares = difference_covers(truth, tasks, runs, mean, rounds)
            cells.append(", ".join(f"{100 * share:.0f}" for share in shares))
        print(f"| {truth.name} | {' | '.join(cells)} |", flush=True)


TABLES = {"wrong": _wrong, "right": _right, "rates": _rates, "differences": _differences}


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=2000)
    options.add_argument("--table", choices=TABLES, action="append")
    chosen = options.parse_args()
    for name in chosen.table or TABLES:
        TABLES[name](chosen.rounds)


if __name__ == "__main__":
    main()
