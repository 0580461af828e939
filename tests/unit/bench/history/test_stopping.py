"""The search ends when enough tasks are made, or when its time is over; what was made by then stays."""

import select
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from onbox.bench.history import mining
from onbox.bench.history.commit_tasks import DroppedCommit, MinedTask, TaskMaker
from onbox.bench.history.deciding_tests import DropError
from onbox.bench.history.repository import Commit
from onbox.bench.sandbox.halt import RunHalted, check, current

COMMITS = [Commit(f"commit-{n}", ("parent",), 0, f"change {n}", ()) for n in range(6)]


def kept(commit: Commit, part: int = 0) -> MinedTask:
    return MinedTask(f"{commit.name}-{part}", commit.name, 0, Path(commit.name), 1, False)


def wait_for_the_halt() -> None:
    """As a sandboxed command that never ends."""
    halt = current()
    assert halt is not None
    select.select([halt], [], [])
    raise RunHalted


def work_until_the_halt() -> None:
    """As work in Python that waits for no command."""
    while True:
        check()
        time.sleep(0.001)


class ScriptedMaker(TaskMaker):
    """Makes of each commit what a test says."""

    def __init__(self, work: Callable[[Commit, list[MinedTask]], None]) -> None:
        self.begun: list[str] = []
        self._work = work

    def tasks(self, commit: Commit, kept: list[MinedTask]) -> None:
        self.begun.append(commit.name)
        self._work(commit, kept)


def ends(
    maker: TaskMaker, *, keep: int = 100, until: float | None = None, jobs: int = 2
) -> tuple[list[object], list[str]]:
    messages: list[str] = []
    found = [end for some in mining._tried(maker, COMMITS, jobs, keep, until, messages.append) for end in some]
    return list(found), messages


@pytest.mark.parametrize("endless", [wait_for_the_halt, work_until_the_halt])
def test_when_the_time_is_over_what_is_whole_stays(
    endless: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, fourth = threading.Event(), threading.Event()
    # The clock of the search goes on when the fourth commit is under way, however busy the box is.
    monkeypatch.setattr(mining, "time", SimpleNamespace(monotonic=lambda: 1.0 if fourth.is_set() else 0.0))

    def work(commit: Commit, found: list[MinedTask]) -> None:
        if commit is COMMITS[0]:
            found.append(kept(commit))
            first.set()
            endless()
        elif commit is COMMITS[1]:
            raise DropError("no tests")
        elif commit is COMMITS[2]:
            found.append(kept(commit))
        else:
            first.wait()
            fourth.set()
            endless()

    # The first and the fourth never end by themselves, and no place is free for the others.
    found, message = ends(ScriptedMaker(work), until=0.05)
    assert found == [kept(COMMITS[0]), DroppedCommit("commit-1", "no tests"), kept(COMMITS[2])]
    assert message == ["the time is over: 2 commits were in progress, 2 not started"]


def test_no_time_at_all_begins_nothing() -> None:
    maker = ScriptedMaker(lambda commit, found: None)
    assert ends(maker, until=time.monotonic() - 1) == (
        [],
        ["the time is over: 0 commits were in progress, 6 not started"],
    )
    assert maker.begun == []


def test_the_ends_come_in_the_order_of_the_commits_though_the_first_takes_longest() -> None:
    others = threading.Barrier(2, timeout=60)

    def work(commit: Commit, found: list[MinedTask]) -> None:
        if commit in (COMMITS[0], COMMITS[5]):
            others.wait()
        found.append(kept(commit))

    # The last is tried while the first still waits: no place stays empty meanwhile.
    assert ends(ScriptedMaker(work)) == ([kept(commit) for commit in COMMITS], [])


def test_no_commit_is_begun_once_enough_is_made() -> None:
    def work(commit: Commit, found: list[MinedTask]) -> None:
        found += [kept(commit, part) for part in range(3)]

    maker = ScriptedMaker(work)
    found, message = ends(maker, keep=3, jobs=1)
    assert (found, message) == ([kept(COMMITS[0], part) for part in range(3)], [])
    assert maker.begun == ["commit-0"]


def test_a_fault_of_the_box_is_raised_and_ends_the_others() -> None:
    def work(commit: Commit, found: list[MinedTask]) -> None:
        if commit is COMMITS[0]:
            raise OSError("no space")
        wait_for_the_halt()

    with pytest.raises(OSError, match="no space"):
        ends(ScriptedMaker(work))
