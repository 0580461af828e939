"""The ratio of times: what it estimates, when it is unknown, and that its interval covers."""

import math
import random

import pytest

from onbox.judge.verdict.speed_ratio import NOISE_MIN, TimeRatio, time_ratio

Runs = dict[tuple[str, int], float]


def times(**tasks: list[float]) -> Runs:
    return {(task, n): seconds for task, each in tasks.items() for n, seconds in enumerate(each, 1)}


def ratio(old: Runs, new: Runs, independent: float = 1.0) -> TimeRatio:
    found = time_ratio(old, new, independent)
    assert found is not None
    return found


class TestEstimand:
    def test_is_the_time_of_the_same_work(self) -> None:
        found = ratio(times(a=[10, 14], b=[100, 104]), times(a=[20, 28], b=[50, 52]))
        assert found.ratio == pytest.approx((24 + 51) / (12 + 102))
        assert (found.pairs, found.tasks) == (4, 2)

    def test_takes_only_runs_that_both_have(self) -> None:
        old, new = times(a=[10, 12, 11]), times(a=[5, 6, 5.5])
        new["a", 9] = 1000.0
        del new["a", 1]
        assert ratio(old, new).ratio == pytest.approx(0.5)
        assert ratio(old, new).pairs == 2

    def test_minutes_are_of_one_run(self) -> None:
        more, (low, high) = ratio(times(a=[60, 66], b=[120, 126]), times(a=[120, 126], b=[180, 186])).minutes_a_task()
        assert more == pytest.approx(1.0)
        assert low < 1 < high

    def test_pairs_that_share_their_difficulty_know_it_better(self) -> None:
        hard = [10.0, 20.0, 40.0, 80.0]
        paired = ratio(times(a=hard), times(a=[0.7 * each for each in hard]))
        crossed = ratio(times(a=hard), times(a=[0.7 * each for each in reversed(hard)]))
        assert paired.ratio == pytest.approx(crossed.ratio)
        assert paired.interval()[1] < 1 < crossed.interval()[1]


class TestUnknown:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ({}, {}),
            (times(a=[10, 11]), times(b=[5, 6])),
            (times(a=[10]), times(a=[5])),
            (times(a=[10], b=[20]), times(a=[5], b=[10])),
            (times(a=[0, 0]), times(a=[5, 6])),
        ],
    )
    def test_too_little_is_never_a_number(self, old: Runs, new: Runs) -> None:
        assert time_ratio(old, new) is None

    def test_equal_times_are_no_certainty(self) -> None:
        low, high = ratio(times(a=[10, 10]), times(a=[9.5, 9.5])).interval()
        assert low < 0.9 < 1.1 < high
        many = ratio(times(a=[10] * 40), times(a=[9.5] * 40))
        assert many.log_error == pytest.approx(NOISE_MIN * math.sqrt(2 / 40), rel=0.01)

    def test_copies_do_not_make_it_surer(self) -> None:
        old, new = times(a=[10, 12, 9, 13]), times(a=[9, 10, 8, 12])
        assert ratio(old, new, 0.5).log_error == pytest.approx(ratio(old, new).log_error * math.sqrt(2))

    def test_one_pair_of_a_task_takes_the_spread_of_the_others(self) -> None:
        apart = ratio(times(a=[10, 14, 9], b=[10]), times(a=[10, 9, 13], b=[10]))
        alone = ratio(times(a=[10, 14, 9]), times(a=[10, 9, 13]))
        assert alone.log_error / 2 < apart.log_error < alone.log_error * 1.2


@pytest.mark.parametrize(("tasks", "runs"), [(1, 5), (3, 1), (3, 3), (9, 1), (9, 3)])
@pytest.mark.parametrize("spread", [0.1, 0.6])
def test_the_interval_covers(tasks: int, runs: int, spread: float) -> None:
    draw, trials, covered, equal = random.Random(17), 200, 0, 0
    for _ in range(trials):
        size = [math.exp(draw.gauss(3, 0.7)) for _ in range(tasks)]
        old, new = Runs(), Runs()
        for task, seconds in enumerate(size):
            for n in range(runs):
                instance = seconds * math.exp(draw.gauss(0, 0.3))
                old[str(task), n] = instance * math.exp(draw.gauss(0, spread))
                new[str(task), n] = 0.7 * instance * math.exp(draw.gauss(0, spread))
        found = ratio(old, new)
        low, high = found.interval()
        covered += low <= 0.7 <= high
        low, high = found.interval(0.90)
        equal += low >= 0.9 and high <= 1 / 0.9
    assert covered >= 0.89 * trials
    assert equal <= 0.02 * trials
