"""The ratio of times: what it estimates, when it is unknown, and that its interval covers."""

import math
import random

import pytest

from onbox.judge.verdict.speed_ratio import NOISE_MIN, Estimate, TimeRatio, time_ratio

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

    @pytest.mark.parametrize("seconds", [0.0, 5e-324, 1e-300, 1e-105])
    def test_what_no_clock_shows_was_not_timed(self, seconds: float) -> None:
        assert time_ratio(times(a=[seconds] * 3, b=[seconds] * 3), times(a=[seconds] * 3, b=[seconds] * 3)) is None

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
            (times(a=[10, 0, 0]), times(a=[5, 6, 0])),
        ],
    )
    def test_too_little_is_never_a_number(self, old: Runs, new: Runs) -> None:
        assert time_ratio(old, new) is None

    def test_equal_times_are_no_certainty(self) -> None:
        low, high = ratio(times(a=[10, 10]), times(a=[9.5, 9.5])).interval()
        assert low < 0.9 < 1.1 < high
        many = ratio(times(a=[10] * 40), times(a=[9.5] * 40))
        assert many.log.error == pytest.approx(NOISE_MIN * math.sqrt(2 / 40), rel=0.01)

    def test_copies_do_not_make_it_surer(self) -> None:
        old, new = times(a=[10, 12, 9, 13]), times(a=[9, 10, 8, 12])
        assert ratio(old, new, 0.5).log.error == pytest.approx(ratio(old, new).log.error * math.sqrt(2))

    def test_one_pair_of_a_task_takes_the_spread_of_the_others(self) -> None:
        apart = ratio(times(a=[10, 14, 9], b=[10]), times(a=[10, 9, 13], b=[10]))
        alone = ratio(times(a=[10, 14, 9]), times(a=[10, 9, 13]))
        assert alone.log.error / 2 < apart.log.error < alone.log.error * 1.2


class TestJackknife:
    def test_is_the_delta_method_where_the_noise_is_small(self) -> None:
        old, new = times(a=[100, 108, 93, 105], b=[50, 47, 54]), times(a=[70, 66, 75, 71], b=[35, 38, 34])
        found = ratio(old, new)
        squares = 0.0
        for task, n in (("a", 4), ("b", 3)):
            gaps = [new[task, i] / found.new_s - old[task, i] / found.old_s for i in range(1, n + 1)]
            squares += sum((gap - sum(gaps) / n) ** 2 for gap in gaps) / (n * (n - 1))
        assert found.log.error == pytest.approx(math.sqrt(squares), rel=0.03)

    def test_leaves_out_one_pair_at_a_time(self) -> None:
        old, new = times(a=[10, 30, 5, 90]), times(a=[20, 10, 40, 25])
        whole, without = ratio(old, new), []
        for left_out in range(1, 5):
            kept = [n for n in range(1, 5) if n != left_out]
            without.append(math.log(sum(new["a", n] for n in kept) / sum(old["a", n] for n in kept)))
        middle = sum(without) / 4
        assert whole.log.error == pytest.approx(math.sqrt(3 / 4 * sum((each - middle) ** 2 for each in without)))

    def test_single_runs_leave_out_a_task(self) -> None:
        old, new = times(a=[10], b=[30], c=[5], d=[12]), times(a=[22], b=[20], c=[9], d=[6])
        without = []
        for left_out in "abcd":
            kept = [task for task in "abcd" if task != left_out]
            without.append(math.log(sum(new[task, 1] for task in kept) / sum(old[task, 1] for task in kept)))
        middle = sum(without) / 4
        error = math.sqrt(3 / 4 * sum((each - middle) ** 2 for each in without))
        assert ratio(old, new).log.error >= error * (1 - 1e-12)

    def test_one_long_run_makes_nothing_sure(self) -> None:
        """The mean of ten such runs is that one run, and the error says so; a share of the mean ends at 1."""
        found = ratio(times(a=[10.0] * 9 + [1e6]), times(a=[10.0] * 10))
        assert found.log.error > 5
        assert found.interval()[1] >= 1


def test_many_runs_need_no_second_interval() -> None:
    """Where three of four pairs are far longer and the fourth is shorter, the logarithms tell of another middle."""
    old, new = times(a=[10.0 + n % 5 for n in range(40)]), times(a=[60.0 if n % 4 else 6.0 for n in range(40)])
    found = ratio(old, new)
    assert found.log.degrees >= 30
    assert found.interval() == pytest.approx(tuple(map(math.exp, found.log.bounds(0.95))))


@pytest.mark.parametrize(("tasks", "runs"), [(1, 3), (1, 10), (3, 3)])
def test_the_interval_covers_where_times_have_long_tails(tasks: int, runs: int) -> None:
    """Exponential times: one in twenty is three times the mean. The delta method covers in 91 to 93 percent."""
    draw, trials = random.Random(f"tails {tasks} {runs}"), 400
    covered = 0
    for _ in range(trials):
        old, new = Runs(), Runs()
        for task in range(tasks):
            for n in range(runs):
                old[str(task), n], new[str(task), n] = draw.expovariate(1), 0.7 * draw.expovariate(1)
        low, high = ratio(old, new).interval()
        covered += low <= 0.7 <= high
    # Fewer than 369 of 400 would be chance in one of two hundred where 95 percent are the truth.
    assert covered >= 369


@pytest.mark.parametrize("runs", [5, 20, 40])
@pytest.mark.parametrize("noisy", [0, 1])
def test_the_interval_covers_where_one_is_three_times_as_noisy(runs: int, noisy: int) -> None:
    """Log-normal times with a coefficient of variation of 30 and of 100 percent: without the long tail 93 percent."""
    draw, trials, covered = random.Random(f"noisy {runs} {noisy}"), 400, 0
    spread = [math.sqrt(math.log(1 + noise * noise)) for noise in ((1.0, 0.3), (0.3, 1.0))[noisy]]
    for _ in range(trials):
        old, new = ({("t", n): math.exp(draw.gauss(-each * each / 2, each)) for n in range(runs)} for each in spread)
        low, high = ratio(old, new).interval()
        covered += low <= 1 <= high
    # Fewer than 369 of 400 would be chance in one of two hundred where 95 percent are the truth.
    assert covered >= 369


class TestSkewness:
    """The bound on the side of the longer tail moves out, and no bound moves in."""

    def test_symmetric_gaps_are_students_t(self) -> None:
        found = Estimate(1.0, 0.1, 9.0)
        assert found.bounds(0.95) == pytest.approx((1 - 0.2262157, 1 + 0.2262157))

    @pytest.mark.parametrize("skewness", [-0.5, 0.5])
    def test_edgeworths_first_term(self, skewness: float) -> None:
        plain, skewed = Estimate(0.0, 1.0, 9.0).bounds(0.95), Estimate(0.0, 1.0, 9.0, skewness).bounds(0.95)
        moved = skewness * (1 + 2 * 1.959964**2) / 6
        assert skewed == pytest.approx((plain[0] + min(0, moved), plain[1] + max(0, moved)))

    def test_it_is_the_third_moment_of_the_mean(self) -> None:
        """Of one task: Fisher's k-statistic over n squared, over the cube of the error."""
        old, new = times(a=[10] * 6), times(a=[10, 11, 9, 10, 12, 30])
        found = ratio(old, new).difference_s
        gaps = [0, 1, -1, 0, 2, 20]
        third = sum((gap - 22 / 6) ** 3 for gap in gaps) * 6 / (5 * 4)
        assert found.skewness == pytest.approx(third / 36 / found.error**3)

    def test_two_runs_tell_of_no_tail(self) -> None:
        assert ratio(times(a=[10, 12], b=[3, 4]), times(a=[5, 30], b=[3, 9])).log.skewness == 0


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
