"""Several runs at a time: begun in order, never more than there is room for, and ended together when they must be."""

import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from onbox.bench.concurrent_runs import ConcurrentRuns
from onbox.bench.sandbox.halt import RunHalted
from onbox.bench.tasks import load_tasks
from onbox.errors import EngineError
from onbox.evidence.records import RunRecord
from onbox.trial.scheduler import ExecutorDropped, ExecutorLost, JobEnded, JobStarted, RunJob, Scheduler, SchedulerEvent
from tests.builders import run_record

(TASK,) = load_tasks("builtin", ["fill-json"])
PATIENCE_S = 60.0


def jobs(count: int) -> list[RunJob]:
    return [RunJob(TASK, "baseline", n, 100 + n) for n in range(1, count + 1)]


@dataclass
class AvailableMemory:
    """An executor without an engine: a run ends when the test lets it.

    Args:
        dead: the runs that find their engine gone.
        breaks: the runs that raise what is no fault of theirs.
        lost: the runs under which the executor goes away.
    """

    slots: int
    name: str = ""
    dead: frozenset[int] = frozenset()
    breaks: frozenset[int] = frozenset()
    lost: frozenset[int] = frozenset()
    answers_again: bool = False
    begun: list[int] = field(default_factory=list)
    checks: int = 0

    def __post_init__(self) -> None:
        self.inside = threading.Semaphore(0)
        self.open = threading.Semaphore(0)
        self.halted = threading.Event()
        self.busy = self.busiest = 0
        self._lock = threading.Lock()

    def carry_out(self, job: RunJob) -> RunRecord:
        with self._lock:
            self.begun.append(job.n)
            self.busy += 1
            self.busiest = max(self.busy, self.busiest)
        self.inside.release()
        try:
            while not self.open.acquire(timeout=0.01):
                if self.halted.is_set():
                    raise RunHalted
        finally:
            with self._lock:
                self.busy -= 1
        if job.n in self.breaks:
            raise ZeroDivisionError(f"run {job.n}")
        if job.n in self.lost:
            raise ExecutorLost(f"{self.name} is gone")
        return run_record(n=job.n, engine_alive=job.n not in self.dead)

    def check(self) -> None:
        self.checks += 1
        if not self.answers_again:
            raise EngineError(f"{self.name}: the engine died")

    def halt(self) -> None:
        self.halted.set()

    def let(self, count: int) -> None:
        self.open.release(count)

    def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self.inside.acquire(timeout=PATIENCE_S)


def reasons(news: Iterable[SchedulerEvent]) -> list[str]:
    """Why executors were given up."""
    return [each.why.message for each in news if isinstance(each, ExecutorDropped)]


def test_each_order_is_carried_out_once_and_begun_in_order() -> None:
    room = AvailableMemory(slots=3)
    room.let(20)
    with Scheduler([room], jobs(20)) as running:
        news = list(running)
    assert [each.job.n for each in news if isinstance(each, JobStarted)] == list(range(1, 21))
    assert Counter(each.record.n for each in news if isinstance(each, JobEnded)) == Counter(range(1, 21))
    for n in range(1, 21):
        mine = [type(each) for each in news if isinstance(each, JobStarted | JobEnded) and each.job.n == n]
        assert mine == [JobStarted, JobEnded]
    assert reasons(news) == []


def test_never_more_than_there_is_room_for_and_no_thread_without_a_job() -> None:
    room = AvailableMemory(slots=3)
    with Scheduler([room], jobs(7)) as running:
        room.wait_for(3)
        time.sleep(0.05)
        assert room.begun == [1, 2, 3]
        room.let(7)
        assert len(list(running)) == 14
    assert room.busiest == 3
    few = AvailableMemory(slots=8)
    few.let(2)
    before = threading.active_count()
    with Scheduler([few], jobs(2)) as running:
        assert threading.active_count() <= before + 2
        assert len(list(running)) == 4


def test_few_orders_are_spread_over_the_executors() -> None:
    rooms = [AvailableMemory(slots=4, name=name) for name in "ab"]
    with Scheduler(rooms, jobs(2)) as running:
        for room in rooms:
            room.wait_for(1)
            room.let(1)
        assert {each.executor.name for each in running} == {"a", "b"}


def test_a_place_whose_engine_died_is_given_up_once_and_its_runs_come_to_their_end() -> None:
    room = AvailableMemory(slots=3, name="one", dead=frozenset({1, 2, 3}))
    with Scheduler([room], jobs(9)) as running:
        room.wait_for(3)
        room.let(9)
        news = list(running)
    assert sorted(each.record.n for each in news if isinstance(each, JobEnded)) == [1, 2, 3]
    assert room.checks == 1
    assert reasons(news) == ["one: the engine died"]
    assert room.begun == [1, 2, 3]


def test_the_other_places_go_on() -> None:
    # Whichever runs fall to it: their engine is gone.
    dying, living = AvailableMemory(slots=2, dead=frozenset(range(1, 13))), AvailableMemory(slots=2)
    with Scheduler([dying, living], jobs(12)) as running:
        dying.wait_for(2)
        dying.let(2)
        living.let(12)
        news = list(running)
    assert len([each for each in news if isinstance(each, JobEnded)]) == 12
    assert len(reasons(news)) == 1


def test_an_order_is_carried_out_at_its_home() -> None:
    rooms = [AvailableMemory(slots=2, name=name) for name in "ab"]
    for room in rooms:
        room.let(9)
    with Scheduler(rooms, jobs(9), affinity=lambda job: job.n % 2) as running:
        assert len(list(running)) == 18
    assert [sorted(room.begun) for room in rooms] == [[2, 4, 6, 8], [1, 3, 5, 7, 9]]


def test_one_order_finds_its_home_however_many_places_there_are() -> None:
    rooms = [AvailableMemory(slots=1, name=name) for name in "abc"]
    rooms[2].let(1)
    with Scheduler(rooms, jobs(1), affinity=lambda job: 2) as running:
        assert {each.executor.name for each in running} == {"c"}


def test_what_a_lost_place_had_under_way_is_done_elsewhere_though_the_others_were_idle() -> None:
    stays, goes = AvailableMemory(slots=1, name="stays"), AvailableMemory(slots=1, name="goes", lost=frozenset({2}))
    stays.let(9)
    with Scheduler([stays, goes], jobs(5), affinity=lambda job: int(job.n == 2)) as running:
        goes.wait_for(1)
        stays.wait_for(4)
        assert stays.begun == [1, 3, 4, 5]
        goes.let(1)
        news = list(running)
    assert stays.begun == [1, 3, 4, 5, 2]
    assert sorted(each.job.n for each in news if isinstance(each, JobEnded)) == [1, 2, 3, 4, 5]
    (gone,) = [each for each in news if isinstance(each, ExecutorDropped)]
    assert (gone.executor, gone.why.message) == (goes, "goes is gone")


def test_when_the_last_place_is_lost_its_orders_are_left() -> None:
    room = AvailableMemory(slots=2, name="one", lost=frozenset({1, 2}))
    room.let(2)
    with Scheduler([room], jobs(5)) as running:
        news = list(running)
    assert not [each for each in news if isinstance(each, JobEnded)]
    assert set(room.begun) <= {1, 2}
    assert reasons(news) == ["one is gone"]


def test_an_engine_that_answers_again_is_used_again() -> None:
    room = AvailableMemory(slots=2, dead=frozenset({2}), answers_again=True)
    room.let(5)
    with Scheduler([room], jobs(5)) as running:
        news = list(running)
    assert len(news) == 10
    assert (room.checks, reasons(news)) == (1, [])


def test_leaving_early_ends_all_executors_and_no_run_is_reported() -> None:
    room = AvailableMemory(slots=3)
    observations: list[Any] = []

    def interrupted() -> None:
        with Scheduler([room], jobs(9)) as running:
            for news in running:
                observations.append(news)
                if len(observations) == 3:
                    room.wait_for(3)
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [type(each) for each in observations] == [JobStarted] * 3
    assert room.busy == 0
    assert room.begun == [1, 2, 3]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("onbox-run")]


def test_what_is_no_fault_of_a_run_is_raised_in_the_callers_thread_and_ends_the_others() -> None:
    room = AvailableMemory(slots=2, breaks=frozenset({1, 2}))

    def broken() -> None:
        with Scheduler([room], jobs(6)) as running:
            room.wait_for(2)
            room.let(1)
            list(running)

    with pytest.raises(ZeroDivisionError, match=r"run [12]"):
        broken()
    assert room.busy == 0


class TestConcurrentRuns:
    def test_the_most_others_at_any_moment(self) -> None:
        runs = ConcurrentRuns()
        with runs.counted() as first:
            assert first() == 0
            with runs.counted() as second, runs.counted() as third:
                assert (first(), second(), third()) == (2, 2, 2)
            with runs.counted() as fourth:
                assert fourth() == 1
            assert first() == 2
        with runs.counted() as alone:
            assert alone() == 0
