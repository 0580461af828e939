"""Which tests of a commit decide, and which of a slow suite are run from then on."""

from collections.abc import Sequence
from typing import Any

import pytest

from onbox.bench.history.deciding_tests import (
    ALL_MAX_S,
    BEFORE_MIN_S,
    DECIDING_S,
    ENDLESS_MAX,
    OTHERS_S,
    QUICK_S,
    TESTS_MAX_S,
    DecidingTests,
    DropError,
    find_deciding_tests,
)
from onbox.bench.history.runners import Kind, SuiteRun
from tests.unit.bench.history.scripted import ScriptedWorker, run_of

OLD = {"one.py": b"0"}
NEW = {"one.py": b"1"}


def deciding(
    after: Sequence[SuiteRun], before: Sequence[SuiteRun], kind: Kind = "pytest"
) -> tuple[DecidingTests, ScriptedWorker]:
    """The runs after and before, in turn."""
    runs = {b"1": iter(after), b"0": iter(before)}
    worker = ScriptedWorker(lambda request: next(runs[request.files["one.py"] or b""]))
    return find_deciding_tests(worker, kind, OLD, NEW), worker


def why_dropped(after: Sequence[SuiteRun], before: Sequence[SuiteRun]) -> str:
    with pytest.raises(DropError) as dropped:
        deciding(after, before)
    return str(dropped.value)


def test_those_decide_that_fail_before_and_pass_after_both_times() -> None:
    after = [run_of(["new", "old", "flaky"]), run_of(["new", "old"], ["flaky"])]
    before = [run_of(["old"], ["new", "flaky"]), run_of(["old"], ["new", "flaky"])]
    found, worker = deciding(after, before)
    assert found.stable - found.undone == {"new"}
    assert found.stable & found.undone == {"old"}
    assert found.only == frozenset()
    assert all(request.only == frozenset() for request in worker.requests)


CONFTEST = (
    "ImportError while loading conftest '/tmp/x/work/conftest.py'.\n"
    "E   ImportError: cannot import name 'new' (/tmp/x/work/one.py)\n"
)


def test_where_the_set_up_does_not_load_before_all_tests_fail_there() -> None:
    after, before = [run_of(["new", "old"])] * 2, [run_of([], output=CONFTEST, exit_code=4)] * 2
    found, _ = deciding(after, before)
    assert found.stable - found.undone == {"new", "old"}
    assert found.why == {"": "ImportError: cannot import name 'new'"}
    with pytest.raises(DropError, match="no result on the tree before"):
        deciding(after, [run_of([], output=CONFTEST, exit_code=None)] * 2)
    with pytest.raises(DropError, match="no result on the tree before"):
        deciding(after, before, kind="unittest")


def test_a_test_that_never_ends_before_is_left_out_and_the_others_decide() -> None:
    names = ["endless", "new", "old", "worse"]
    before = [
        run_of([], timed_out=True, running="endless"),
        run_of([], timed_out=True, running="worse"),
        run_of(["old"], ["new"]),
        run_of(["old"], ["new"]),
    ]
    found, worker = deciding([run_of(names), run_of(["new", "old"])], before)
    assert found.only == {"new", "old"}
    assert found.stable == {"new", "old"}
    assert found.undone == {"old"}
    each = [request.only for request in worker.requests if request.files == OLD]
    assert each == [frozenset(), {"new", "old", "worse"}, {"new", "old"}, {"new", "old"}]


def test_a_commit_of_which_too_many_tests_never_end_before_is_dropped() -> None:
    names = [f"endless{n}" for n in range(2 * ENDLESS_MAX)]
    before = [run_of([], timed_out=True, running=name) for name in names]
    assert why_dropped([run_of(names)], before) == f"{ENDLESS_MAX + 1} of its tests never end on the tree before"
    assert why_dropped([run_of(["only"])], [run_of([], timed_out=True, running="only")]) == (
        "1 of its tests never end on the tree before"
    )
    why = why_dropped([run_of([*names[:1], "old"])], [before[0], run_of(["old"])])
    assert why == "no test that fails before passes after, but for 1 that take long"


def test_tests_that_take_long_decide_nothing_and_the_others_do() -> None:
    after = [run_of(["new", "old", "slow before"], ["slow"], cut={"slow"}), run_of(["new", "old"])]
    before = [run_of(["old"], ["new", "slow before"], cut={"slow before"}), run_of(["old"], ["new"])]
    found, worker = deciding(after, before)
    assert found.only == found.stable == {"new", "old"}
    assert found.undone == {"old"}
    assert [request.only for request in worker.requests if request.files == OLD] == [
        {"new", "old", "slow before"},
        {"new", "old"},
    ]
    assert [request.in_turn for request in worker.requests] == [True, True, False, False]
    why = why_dropped([after[0]], [run_of(["new", "old"], ["slow before"], cut={"slow before"})])
    assert why == "no test that fails before passes after, but for 2 that take long"


def test_a_test_that_passes_once_before_does_not_decide() -> None:
    after = [run_of(["new", "chance"])] * 2
    before = [run_of([], ["new", "chance"]), run_of(["chance"], ["new"])]
    found, _ = deciding(after, before)
    assert found.stable - found.undone == {"new"}


def test_a_quick_suite_runs_whole() -> None:
    quick = run_of(["new", "old"], cpu_s=QUICK_S)
    found, _ = deciding([quick] * 2, [run_of(["old"], ["new"], cpu_s=QUICK_S)] * 2)
    assert found.only == frozenset()


@pytest.mark.parametrize("slow", ["after", "before"])
def test_of_a_slow_suite_those_run_that_fail_before_and_the_quickest_others(slow: str) -> None:
    seconds = {"new": 9.0, "quick": 0.1, "quicker": OTHERS_S / 4, "slow": 10.0}
    whole: dict[str, Any] = {"seconds_of": seconds, "cpu_s": sum(seconds.values())}
    short: dict[str, Any] = {"seconds_of": {name: value / 100 for name, value in seconds.items()}, "cpu_s": QUICK_S / 2}
    after, before = (whole, short) if slow == "after" else (short, whole)
    others = ["quick", "quicker", "slow"]
    found, worker = deciding(
        [run_of(["new", *others], **after), run_of(["new", "quick", "quicker"])],
        [run_of(others, ["new"], **before), run_of(["quick", "quicker"], ["new"])],
    )
    # `slow` passes before and after, and would take more than all others may together in one of the two runs.
    assert found.only == {"new", "quick", "quicker"}
    assert [request.only for request in worker.requests] == [frozenset()] * 2 + [found.only] * 2
    assert found.stable - found.undone == {"new"}


def test_of_many_slow_tests_that_fail_before_the_quickest_decide() -> None:
    seconds = {"quick": DECIDING_S / 4, "quicker": DECIDING_S / 4, "slow": DECIDING_S, "slower": 2 * DECIDING_S}
    whole: dict[str, Any] = {"seconds_of": seconds, "cpu_s": sum(seconds.values())}
    found, _ = deciding(
        [run_of(list(seconds), **whole), run_of(["quick", "quicker"])],
        [run_of([], list(seconds), cpu_s=0.1)] * 2,
    )
    assert found.only == found.stable == {"quick", "quicker"}
    # A test that fails slowly before counts by that.
    found, _ = deciding(
        [run_of(list(seconds), cpu_s=0.1), run_of(["quick", "quicker"])],
        [run_of([], list(seconds), **whole)] * 2,
    )
    assert found.only == {"quick", "quicker"}


def test_a_runner_that_cannot_be_told_which_tests_runs_all() -> None:
    slow: dict[str, Any] = {"cpu_s": 2 * QUICK_S}
    found, _ = deciding([run_of(["new", "old"], **slow)] * 2, [run_of(["old"], ["new"], **slow)] * 2, kind="go")
    assert found.only == frozenset()


def test_what_is_slow_before_has_more_time_before() -> None:
    _, worker = deciding([run_of(["new"], cpu_s=1.0)] * 2, [run_of([], ["new"])] * 2)
    assert [request.cpu_s for request in worker.requests] == [ALL_MAX_S, BEFORE_MIN_S, 4.0, BEFORE_MIN_S]
    _, worker = deciding([run_of(["new"], cpu_s=10.0)] * 2, [run_of([], ["new"])] * 2)
    assert [request.cpu_s for request in worker.requests] == [ALL_MAX_S, 80.0, 40.0, 80.0]


@pytest.mark.parametrize(
    ("after", "before", "why"),
    [
        ([run_of(["a"], timed_out=True)], [], f"its tests take more than {ALL_MAX_S:g} s"),
        ([run_of(["a"], cpu_s=ALL_MAX_S + 1)], [], f"its tests take more than {ALL_MAX_S:g} s"),
        (
            [run_of([], ["a"], output="1 failed\nE   ModuleNotFoundError: No module named 'x'\n")],
            [],
            "no test passes after: ModuleNotFoundError: No module named 'x'",
        ),
        ([run_of([])], [], "no test passes after: the runner said nothing"),
        (
            [
                run_of(
                    [], ["a", "b", "c"], output="3 errors in 0.1s", why={"a": "x", "b": "No module named nose", "c": ""}
                )
            ],
            [],
            "no test passes after: No module named nose",
        ),
        (
            [run_of([], output="PluginValidationError: Plugin '/tmp/tmp_1/work/tests/conftest.py' for hook 'x'")],
            [],
            "no test passes after: PluginValidationError: Plugin 'tests/conftest.py' for hook 'x'",
        ),
        ([run_of(["a"])], [run_of(["a"])], "no test that fails before passes after"),
        (
            [run_of(["a"])],
            [run_of([], output="ImportError: conftest\n")],
            "its tests give no result on the tree before: ImportError: conftest",
        ),
        (
            [run_of(["a"])],
            [run_of([], timed_out=True)],
            "its tests give no result on the tree before: they did not end in time",
        ),
        (
            [run_of(["a"]), run_of(["a"], cpu_s=TESTS_MAX_S + 1)],
            [run_of([], ["a"])],
            f"the tests that decide take more than {TESTS_MAX_S:g} s",
        ),
        ([run_of(["a"]), run_of([], ["a"])], [run_of([], ["a"])] * 2, "its tests pass only sometimes"),
        ([run_of(["a"])] * 2, [run_of([], ["a"]), run_of(["a"])], "its tests pass only sometimes"),
    ],
)
def test_a_commit_that_no_test_decides_says_why(
    after: Sequence[SuiteRun], before: Sequence[SuiteRun], why: str
) -> None:
    assert why_dropped(after, before) == why
