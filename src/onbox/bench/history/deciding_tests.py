"""Finds the tests of a commit that decide: they fail before, and pass after each time."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from onbox.bench.history.runners import Kind, SuiteRun
from onbox.bench.history.worker import MiningWorker

ALL_MAX_S = 120.0
"""Of one run of all tests that a commit touches; they run so twice."""
BEFORE_MIN_S = 30.0
"""What the tests may take at least on the tree before."""
TESTS_MAX_S = 20.0
"""Of one run of those that decide; they run a hundred times until a task is kept."""
QUICK_S = 1.5
"""Where all take longer than this, the quickest run of those that fail before, and of the others."""
DECIDING_S = 3.0
"""What those may take that fail before, but for one, which may take longer."""
OTHERS_S = 0.5
"""What the others may take."""
ENDLESS_MAX = 4
"""Tests that may never end on the tree before, and are left out; each costs as much as all may take there."""
PYTEST_USAGE = 4
"""How pytest ends that could not begin."""
SELECTED: tuple[Kind, ...] = ("pytest", "unittest")
"""Runners that can be told which tests to run."""


class DropError(Exception):
    """Why a commit makes no task."""


@dataclass(frozen=True)
class DecidingTests:
    """What the tests of a commit say of it.

    Args:
        stable: ids that pass after, each time.
        undone: ids that pass before.
        why: how the others fail before, by id, or by what their ids begin with.
        limit_s: of one run.
        only: ids of the tests that are run from now on; all of them where it is empty.
    """

    stable: frozenset[str]
    undone: frozenset[str]
    why: Mapping[str, str]
    limit_s: float
    only: frozenset[str] = frozenset()


def find_deciding_tests(
    worker: MiningWorker, kind: Kind, old: Mapping[str, bytes], new: Mapping[str, bytes]
) -> DecidingTests:
    """Run the tests before and after, twice each.

    A test that takes long, or never ends before, is left out and decides nothing.

    Args:
        worker: runs them.
        kind: the runner.
        old: the files of code that the commit changes, as they were.
        new: as they are then.

    Raises:
        DropError: no test decides, or they take too long.
        BoxError: the sandbox could not start.
    """
    first = worker.observe(new, cpu_s=ALL_MAX_S, in_turn=True)
    if first.timed_out or first.cost_s > ALL_MAX_S:
        raise DropError(f"its tests take more than {ALL_MAX_S:g} s")
    if not first.passed:
        raise DropError(f"no test passes after: {_last_words(first)}")
    # What a commit makes fast may take much longer before.
    slower_s = min(max(BEFORE_MIN_S, 8 * first.cost_s), ALL_MAX_S)
    left = first.passed if first.cut else frozenset[str]()
    before = worker.observe(old, only=left, cpu_s=slower_s, in_turn=True)
    endless: set[str] = set()
    while before.timed_out and before.running in first.passed - endless and kind in SELECTED:
        endless.add(before.running)
        left = first.passed - endless
        if not left or len(endless) > ENDLESS_MAX:
            raise DropError(f"{len(endless)} of its tests never end on the tree before")
        before = worker.observe(old, only=left, cpu_s=slower_s, in_turn=True)
    endless |= before.cut & first.passed
    if not (before.tests or _does_not_load(before, kind)):
        # Nothing was seen to fail: a box may have been too busy, or the code ends its own tests.
        raise DropError(f"its tests give no result on the tree before: {_last_words(before)}")
    failing = first.passed - before.passed - endless
    if not failing:
        slow = len(endless | first.cut)
        raise DropError("no test that fails before passes after" + (f", but for {slow} that take long" * (slow > 0)))
    only = first.passed - endless if endless or first.cut else frozenset[str]()
    if max(first.cost_s, before.cost_s) > QUICK_S and kind in SELECTED:
        quick = _quickest(first, failing, DECIDING_S)
        if before.seconds_of:
            quick &= _quickest(before, failing, DECIDING_S)
        others = _quickest(first, first.passed, OTHERS_S) & _quickest(before, before.passed, OTHERS_S)
        only = (quick or _quickest(first, failing, 0.0)) | others
    again = worker.observe(new, only=only, cpu_s=max(3.0, 4 * first.cost_s))
    if again.cost_s > TESTS_MAX_S:
        raise DropError(f"the tests that decide take more than {TESTS_MAX_S:g} s")
    limit_s = max(3.0, 4 * again.cost_s)
    once_more = worker.observe(old, only=only, cpu_s=slower_s)
    if not (once_more.tests or _does_not_load(once_more, kind)):
        raise DropError(f"its tests give no result on the tree before: {_last_words(once_more)}")
    stable, undone = first.passed & again.passed, before.passed | once_more.passed
    if stable <= undone:
        raise DropError("its tests pass only sometimes")
    why = before.why if before.tests else {"": _last_words(before)}
    return DecidingTests(stable, undone, why, limit_s, only)


def _quickest(run: SuiteRun, names: Collection[str], limit_s: float) -> frozenset[str]:
    """The quickest of some tests that together take no longer; with a limit of 0 the one that is quickest."""
    total = sum(run.seconds_of.values())
    share = run.cost_s / total if total else 0.0
    kept, spent = set(), 0.0
    for name in sorted(names, key=lambda name: (run.seconds_of.get(name, total), name)):
        spent += share * run.seconds_of.get(name, total)
        if spent > limit_s and limit_s:
            break
        kept.add(name)
        if not limit_s:
            break
    return frozenset(kept)


def _does_not_load(run: SuiteRun, kind: Kind) -> bool:
    """Whether no test could begin, because the set-up of all of them does not load: each of them fails then."""
    return kind == "pytest" and run.exit_code == PYTEST_USAGE and "conftest" in run.output


def _last_words(run: SuiteRun) -> str:
    """Why a run has no result: what most tests say, or the last line of the runner, one with an error if there is.

    No path of this box is in it.
    """
    if run.timed_out:
        return "they did not end in time"
    words = [text for text in run.why.values() if text]
    output = max(sorted(set(words)), key=words.count) if words else run.output
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"error|no module", line, re.IGNORECASE)]
    last = re.sub(r"^E\s+| \(/[^)]*\)|/\S*?/work/", "", (errors or lines or ["the runner said nothing"])[-1])
    # A failure says at its end which error it was.
    text = last.encode("ascii", "backslashreplace").decode()
    return text[-160:] if words else text[:160]
