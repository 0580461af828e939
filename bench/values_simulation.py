"""What the rule for a pair does when the truth is known: false alarms by looks, times, coverage.

    PYTHONPATH=src:. .venv/bin/python bench/values_simulation.py            # the tables of docs/values.md; half an hour
    PYTHONPATH=src:. .venv/bin/python bench/values_simulation.py --quick    # a few of each, as CI does
    PYTHONPATH=src:. .venv/bin/python bench/values_simulation.py --table looks --table times

No folder is written: sides are made as the judge makes them from runs, and go through the judge's own rule. Seeds are
fixed, so the tables come out the same.
"""

import argparse
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from tests.builders import LARGE, SMALL, build_plan

from onbox.evidence.records import LedgerEntry, LedgerKind, OwnerValues
from onbox.judge.comparison_results import Pace
from onbox.judge.verdict.cells import CountedRun
from onbox.judge.verdict.comparison import Pair, Rule, Side, pairs
from onbox.judge.verdict.looks import level_with, looks_of
from onbox.judge.verdict.planner import runs_that_settle
from onbox.judge.verdict.standing import ContenderFacts
from onbox.trial.plan import looks_until

PLAN = build_plan([SMALL, LARGE])


class World:
    """Tasks with a difficulty each, and runs of two contenders on them, as many as are asked for.

    Args:
        draw: source of chance.
        tasks: how many.
        rates: pass rates of incumbent and challenger on a task of middling difficulty.
        pace: time of the challenger over that of the incumbent.
        noise: coefficient of variation of a run's time.
        spread: of the tasks' difficulty, on the scale of log odds.
        lost: chance that a run of the challenger has no valid end, on a quarter of the tasks.
        uneven: how many times as noisy the challenger's times are.
    """

    def __init__(
        self,
        draw: random.Random,
        tasks: int = 9,
        rates: tuple[float, float] = (0.6, 0.6),
        pace: float = 1.0,
        noise: float = 0.4,
        spread: float = 1.0,
        lost: float = 0.0,
        uneven: float = 1.0,
    ) -> None:
        self.draw, self.pace, self.lost = draw, pace, lost
        self.noise = [math.sqrt(math.log(1 + each * each)) for each in (noise, noise * uneven)]
        shift = [draw.gauss(0, spread) for _ in range(tasks)]
        self.rates = [tuple(_expit(_logit(rate) + each) for rate in rates) for each in shift]
        self.size = [math.exp(draw.gauss(3.5, 0.6)) for _ in range(tasks)]
        self.runs: list[list[tuple[bool, bool, float, float]]] = [[] for _ in range(tasks)]
        self.gone: set[tuple[int, int]] = set()

    def sides(self, runs: int) -> tuple[Side, Side]:
        """Incumbent and challenger after so many runs of each task; those that were there stay."""
        for task, made in enumerate(self.runs):
            while len(made) < runs:
                a, b = (self.draw.random() < rate for rate in self.rates[task])
                # The mean of both is the size: of a logarithm that is spread it lies above e to its middle.
                seconds = [self.size[task] * self.draw.lognormvariate(-s * s / 2, s) for s in self.noise]
                made.append((a, b, seconds[0], self.pace * seconds[1]))
                if self.lost and task < max(1, len(self.runs) // 4) and self.draw.random() < self.lost:
                    self.gone.add((task, len(made)))
        return tuple(self._side(of, runs) for of in range(2))  # type: ignore[return-value]

    def _side(self, of: int, runs: int) -> Side:
        return Side(
            {
                f"t{task}": [
                    CountedRun(n, bool(made[n - 1][of]))
                    for n in range(1, runs + 1)
                    if not (of and (task, n) in self.gone)
                ]
                for task, made in enumerate(self.runs)
            },
            ContenderFacts(
                seconds={
                    (f"t{task}", n): made[n - 1][2 + of]
                    for task, made in enumerate(self.runs)
                    for n in range(1, runs + 1)
                    if not (of and (task, n) in self.gone)
                }
            ),
        )

    def pair(self, runs: int, rule: Rule | None = None) -> Pair:
        old, new = self.sides(runs)
        return pairs(old, [new], rule or Rule())[0]


def _logit(share: float) -> float:
    return math.log(share / (1 - share))


def _expit(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))


def _entry(kind: LedgerKind, runs: int) -> LedgerEntry:
    return LedgerEntry(at="", kind=kind, subject=".", runs=runs)


def found_difference(pair: Pair) -> bool:
    """Whether the rule says that ability differs."""
    return pair.p is not None and pair.p < pair.rule.level and bool(pair.runs.difference)


# ---------------------------------------------------------------- looks


def once(world: World) -> bool:
    return found_difference(world.pair(3))


def five_looks_uncorrected(world: World) -> bool:
    return any(found_difference(world.pair(runs)) for runs in (3, 6, 9, 12, 15))


def until_settled(world: World, spending: str = "obrien-fleming", most: int = 12) -> bool:
    return any(map(found_difference, _looks(world, spending, most)))


def _looks(world: World, spending: str, most: int) -> Iterator[Pair]:
    """The pair at each look that a plan makes."""
    plan = PLAN.model_copy(update={"runs": most, "looks": looks_until(most), "spending": spending})
    made: list[LedgerEntry] = []
    for runs in plan.looks:
        made.append(_entry(LedgerKind.LOOKED, runs))
        paid = looks_of(plan, made)
        rule = Rule(level=paid.level, any_time=spending == "e-process", this_look=paid.interval_level)
        yield world.pair(runs, rule)


def by_e_process(world: World) -> bool:
    return until_settled(world, "e-process")


def extended(world: World) -> bool:
    """Once more, and once more, and once more, while nothing is found."""
    ledger: list[LedgerEntry] = []
    for runs in (3, 6, 9, 12, 15):
        if runs > 3:
            ledger.append(_entry(LedgerKind.EXTENDED, runs))
        ledger.append(_entry(LedgerKind.LOOKED, runs))
        if found_difference(world.pair(runs, Rule(level=looks_of(PLAN, ledger).level))):
            return True
    return False


def extended_once_uncorrected(world: World) -> bool:
    return any(found_difference(world.pair(runs)) for runs in (3, 6))


def extended_once(world: World) -> bool:
    ledger = [_entry(LedgerKind.LOOKED, 3), _entry(LedgerKind.EXTENDED, 6)]
    later = Rule(level=looks_of(PLAN, ledger).level)
    return found_difference(world.pair(3)) or found_difference(world.pair(6, later))


def new_trials(corrected: bool) -> Callable[[World], bool]:
    """Five trials of the same question, the runs of each its own."""

    def run(world: World) -> bool:
        for trial in range(5):
            level = 0.05 if trial == 0 or not corrected else 0.005 / 2 ** (trial - 1)
            for made in world.runs:
                made.clear()
            if found_difference(world.pair(3, Rule(level=level))):
                return True
        return False

    return run


LOOKS: dict[str, Callable[[World], bool]] = {
    "one look": once,
    "five looks, uncorrected": five_looks_uncorrected,
    "until settled, O'Brien-Fleming": until_settled,
    "until settled, e-process": by_e_process,
    "extended once, uncorrected": extended_once_uncorrected,
    "extended once, corrected": extended_once,
    "extended four times, corrected": extended,
    "five new trials, uncorrected": new_trials(corrected=False),
    "five new trials, corrected": new_trials(corrected=True),
}


def false_alarms(trials: int) -> Iterator[tuple[str, list[float]]]:
    """How often a difference is found where there is none, by pass rate."""
    for name, look in LOOKS.items():
        row = []
        for rate in (0.3, 0.6, 0.9):
            draw = random.Random(f"{rate}")
            row.append(sum(look(World(draw, rates=(rate, rate))) for _ in range(trials)) / trials)
        yield name, row


def power(trials: int) -> Iterator[tuple[str, list[float]]]:
    """How often 70 against 90 percent is found."""
    for name in ("one look", "until settled, O'Brien-Fleming", "until settled, e-process"):
        draw = random.Random("power")
        yield name, [sum(LOOKS[name](World(draw, rates=(0.7, 0.9))) for _ in range(trials)) / trials]


# ---------------------------------------------------------------- times


def verdicts_by_pace(trials: int) -> Iterator[tuple[str, Counter[str]]]:
    """What is said of equally able contenders, by the true ratio of times, noise and shape of the trial."""
    for tasks, runs in ((3, 3), (9, 3), (9, 10), (27, 3)):
        for noise in (0.2, 0.6):
            for pace in (1.0, 0.9, 0.7, 0.1):
                draw, verdicts = random.Random(f"{tasks} {runs} {noise} {pace}"), Counter[str]()
                for _ in range(trials):
                    found = World(draw, tasks, rates=(0.95, 0.95), pace=pace, noise=noise).pair(runs).weighed
                    verdicts[found.verdict] += 1
                    verdicts["pace " + found.pace.value] += 1
                yield f"{tasks} x {runs}, noise {noise:.0%}, {pace:g} of the time", verdicts


def coverage(trials: int) -> Iterator[tuple[str, list[float]]]:
    """How often the interval of the ratio holds the truth, by shape: tasks x runs, three noises."""
    for tasks, runs in ((1, 3), (1, 10), (3, 1), (3, 3), (9, 1), (9, 3), (9, 10), (27, 1), (27, 3)):
        row = []
        for noise in (0.1, 0.5, 1.0):
            draw, held, known = random.Random(f"{tasks} {runs} {noise}"), 0, 0
            for _ in range(trials):
                time = World(draw, tasks, pace=0.7, noise=noise).pair(runs).time
                if time is not None:
                    low, high = time.interval()
                    known, held = known + 1, held + (low <= 0.7 <= high)
            row.append(held / known)
        yield f"{tasks} x {runs}", row


UNEVEN = ((1, 3), (1, 5), (1, 10), (1, 30), (1, 60), (3, 1), (3, 3), (9, 1), (9, 3), (9, 10), (27, 1))
NOISIER = ((1, 10), (1, 30), (9, 3))


def uneven_coverage(
    trials: int, shapes: Sequence[tuple[int, int]] = UNEVEN, least: float = 0.3, most: float = 1.0
) -> Iterator[tuple[str, list[float]]]:
    """The same where runs of the one are noisier, `most` against `least`: of the challenger, of the incumbent."""
    for tasks, runs in shapes:
        draws = random.Random(f"uneven {tasks} {runs}"), random.Random(f"uneven {runs} {tasks}")
        held = [0, 0]
        for _ in range(trials):
            for of, (noise, uneven) in enumerate(((least, most / least), (most, least / most))):
                time = World(draws[of], tasks, pace=0.7, noise=noise, uneven=uneven).pair(runs).time
                assert time is not None
                low, high = time.interval()
                held[of] += low <= 0.7 <= high
        yield f"{tasks} x {runs}", [each / trials for each in held]


# ---------------------------------------------------------------- values


def wrong_switches(trials: int) -> Iterator[tuple[str, float]]:
    """How often a faster challenger that is worse by just the margin is switched to for speed."""
    for tasks, runs, margin in ((9, 3, 0.1), (9, 10, 0.1), (27, 10, 0.1), (27, 10, 0.05)):
        draw, rule, wrong = random.Random(f"{tasks} {runs} {margin}"), Rule(OwnerValues(ability_margin=margin)), 0
        for _ in range(trials):
            world = World(draw, tasks, rates=(0.85, 0.85 - margin), pace=0.3, spread=0.0)
            wrong += world.pair(runs, rule).weighed.verdict == "switch"
        yield f"{tasks} x {runs}, margin {100 * margin:g} points", wrong / trials
    for runs, lost in ((3, 0.7), (10, 0.8)):
        draw, wrong = random.Random(f"lost {runs}"), 0
        for _ in range(trials):
            world = World(draw, rates=(0.85, 0.75), pace=0.3, spread=0.0, lost=lost)
            wrong += world.pair(runs).weighed.verdict == "switch"
        yield f"9 x {runs}, margin 10 points, {100 * lost:.0f} % of its runs lost on two tasks", wrong / trials
    draw, wrong = random.Random("settled at the margin"), 0
    for _ in range(trials):
        world = World(draw, rates=(0.85, 0.75), pace=0.3, spread=0.0)
        wrong += any(pair.weighed.verdict == "switch" for pair in _looks(world, "obrien-fleming", 12))
    yield "9 x 12, until settled, margin 10 points", wrong / trials


# ---------------------------------------------------------------- plans


def promises(trials: int) -> Iterator[tuple[str, list[float]]]:
    """Of undecided trials: how many are told a number of runs, and how many of these it settles (promised: 80 %)."""
    ledger = [_entry(LedgerKind.LOOKED, 3)]
    for name, spread in (("differences as of the prior", 0.25), ("no difference", 0.0), ("half as large", 0.125)):
        draw, open_ones, advised, settled, runs_advised = random.Random(name), 0, 0, 0, 0
        for _ in range(trials):
            half = draw.gauss(0, spread) / 2
            rates = (min(0.97, max(0.03, 0.6 - half)), min(0.97, max(0.03, 0.6 + half)))
            world = World(draw, rates=rates, pace=1.5, noise=0.3)
            pair = world.pair(3)
            if pair.weighed.verdict != "undecided":
                continue
            open_ones += 1
            wanted = runs_that_settle(pair, 3, lambda runs: level_with(PLAN, ledger, runs))
            if wanted is None:
                continue
            advised, runs_advised = advised + 1, runs_advised + wanted
            rule = Rule(level=level_with(PLAN, ledger, wanted))
            settled += world.pair(wanted, rule).weighed.verdict != "undecided"
        yield name, [advised / max(1, open_ones), settled / max(1, advised), runs_advised / max(1, advised)]


def _table_of_false_alarms(trials: int) -> None:
    print(f"A difference is found where there is none (9 tasks, {trials} trials), pass rate 30, 60, 90 %\n")
    for name, row in false_alarms(trials):
        print(f"| {name} | {' | '.join(f'{100 * share:.1f} %' for share in row)} |", flush=True)


def _table_of_power(trials: int) -> None:
    print(f"\n70 against 90 percent is found (9 tasks, {trials // 2} trials)\n")
    for name, row in power(trials // 2):
        print(f"| {name} | {100 * row[0]:.0f} % |", flush=True)


def _table_of_times(trials: int) -> None:
    print("\nEqually able (95 %), by the truth of their times: switch, keep, undecided; said to be faster", end=" ")
    print(f"({trials // 4} trials a row)\n")
    for name, verdicts in verdicts_by_pace(trials // 4):
        of = sum(verdicts[verdict] for verdict in ("switch", "keep", "undecided"))
        row = [verdicts["switch"], verdicts["keep"], verdicts["undecided"], verdicts["pace " + Pace.FASTER.value]]
        print(f"| {name} | {' | '.join(f'{100 * each / of:.1f} %' for each in row)} |", flush=True)


def _table_of_coverage(trials: int) -> None:
    print(f"\nThe interval of the ratio of times holds the truth, noise 10, 50, 100 % ({trials // 2} trials a cell)\n")
    for name, row in coverage(trials // 2):
        print(f"| {name} | {' | '.join(f'{100 * share:.1f} %' for share in row)} |", flush=True)


def _table_of_uneven_coverage(trials: int) -> None:
    print(f"\nThe same, a run of the challenger (of the incumbent) three times as noisy ({trials} trials a cell)\n")
    for name, row in uneven_coverage(trials):
        print(f"| {name} | {' | '.join(f'{100 * share:.1f} %' for share in row)} |", flush=True)


def _table_of_noisier_coverage(trials: int) -> None:
    print(f"\nThe same, noise 200 % against 67 % ({trials} trials a cell)\n")
    for name, row in uneven_coverage(trials, NOISIER, 0.67, 2.0):
        print(f"| {name} | {' | '.join(f'{100 * share:.1f} %' for share in row)} |", flush=True)


def _table_of_values(trials: int) -> None:
    print(f"\nSwitched for speed to what is worse by just the margin ({trials // 4} trials a row)\n")
    for name, share in wrong_switches(trials // 4):
        print(f"| {name} | {100 * share:.1f} % |", flush=True)


def _table_of_plans(trials: int) -> None:
    print("\nUndecided trials: of them told a number of runs, of these settled by it, mean number of runs", end=" ")
    print(f"({max(5, trials // 10)} trials a row)\n")
    for name, row in promises(max(5, trials // 10)):
        print(f"| {name} | {100 * row[0]:.0f} % | {100 * row[1]:.0f} % | {row[2]:.0f} |", flush=True)


TABLES: dict[str, Callable[[int], None]] = {
    "looks": _table_of_false_alarms,
    "power": _table_of_power,
    "times": _table_of_times,
    "coverage": _table_of_coverage,
    "uneven": _table_of_uneven_coverage,
    "noisier": _table_of_noisier_coverage,
    "values": _table_of_values,
    "plans": _table_of_plans,
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Simulations of the rule for a pair.")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--table", choices=TABLES, action="append", help="all, if none is named")
    given = parser.parse_args()
    for name in given.table or TABLES:
        TABLES[name](60 if given.quick else given.trials)


if __name__ == "__main__":
    main()
