"""What a plan promises: more where less is shown, and at the level of the look that it asks for."""

from onbox.judge.verdict.cells import CountedRun
from onbox.judge.verdict.comparison import Rule, Side, pairs
from onbox.judge.verdict.planner import chance, runs_that_settle
from onbox.judge.verdict.standing import ContenderFacts
from tests.unit.judge.verdict.test_speed_ratio import times


def pair(old: str, new: str, pace: float = 1.0, tasks: str = "abcdefghi"):  # type: ignore[no-untyped-def]
    """A pair whose runs are the same letters on each task."""
    sides = []
    for letters, seconds in ((old, 60.0), (new, 60.0 * pace)):
        runs = {task: [CountedRun(n, letter == "P") for n, letter in enumerate(letters, 1)] for task in tasks}
        each = {task: [seconds + 3 * (n % 3) for n, _ in enumerate(letters)] for task in tasks}
        sides.append(Side(runs, ContenderFacts(seconds=times(**each))))
    return pairs(sides[0], [sides[1]], Rule())[0]


def usual(runs: int) -> float:
    return 0.05


def test_a_small_difference_wants_more_runs_than_a_large_one() -> None:
    large = runs_that_settle(pair("FPF", "PPF"), 3, usual)
    small = runs_that_settle(pair("FPFPF", "FPPPF", 1.5), 5, usual)
    assert large is not None
    assert small is not None
    assert 3 < large < small * 2


def test_a_stricter_level_wants_more_runs() -> None:
    found = pair("FPFPF", "FPPPF", 1.5)
    strict = runs_that_settle(found, 5, lambda runs: 0.005)
    assert strict is None or strict > (runs_that_settle(found, 5, usual) or 0)
    assert chance(found, 5, 20, 0.005) < chance(found, 5, 20, 0.05)


def test_equal_and_faster_is_settled_by_showing_that_it_is_no_worse() -> None:
    even = pair("PPF", "PFP", 0.3)
    assert runs_that_settle(even, 3, usual) is not None
    assert chance(even, 3, 60, 0.05) > 0.8


def test_a_difference_that_may_be_none_gets_an_even_chance_where_it_gets_no_more() -> None:
    """3 of 12 against none, all on one task, where nobody knows who is faster: `make trial` of the embedded pair."""
    old, new = (
        Side({task: [CountedRun(n, task in passed) for n in (1, 2, 3)] for task in "abcd"}, ContenderFacts())
        for passed in ("", "a")
    )
    found = pairs(old, [new], Rule())[0]
    assert runs_that_settle(found, 3, usual) is None
    even = runs_that_settle(found, 3, usual, power=0.5)
    assert even is not None
    assert 3 < even < 30


def test_nothing_to_compare_promises_nothing() -> None:
    empty = pairs(Side({}, ContenderFacts()), [Side({}, ContenderFacts())], Rule())[0]
    assert runs_that_settle(empty, 3, usual) is None
