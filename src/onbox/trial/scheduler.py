"""Several runs at a time: worker threads that take jobs in turn and have each carried out by an executor.

The seam is `Executor`: something that carries runs out, `slots` of them at a time, all by one engine. This box is one
(`onbox.trial.local_executor.LocalExecutor`), a node of a cluster another (`onbox.trial.ray_executor.RayExecutor`). A
worker thread belongs to one executor, and an executor has as many of them as slots. Jobs are begun in the order in
which they are given, whichever thread takes them.

A job may have an affinity: the executor that others like it go to. Only when that executor is dropped is it done by
another.

Events come out of `Scheduler` one by one, in the caller's thread: only there the ledger is written, judged and shown.
An executor never touches these; it writes the run's own folder and returns the record.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol

from onbox.bench.sandbox.halt import Halt, RunHalted
from onbox.bench.tasks import Task
from onbox.errors import BoxError, OnboxError
from onbox.evidence.records import RunRecord

HALT_S = 20.0
"""How long worker threads may take to end after a halt; a killed sandbox is given ten seconds."""


@dataclass(frozen=True)
class RunJob:
    """One run that is to be done.

    Args:
        task: as its folder stands; of a generated one the executor takes the instance of the seed.
        arm: how the agent is equipped.
        n: number of the run, from 1.
        seed: of the sampling and of the task's instance.
    """

    task: Task
    arm: str
    n: int
    seed: int


class ExecutorLost(BoxError):
    """An executor is gone, and its runs under way with it; they left no record and are done elsewhere. Exit code 3."""


class Executor(Protocol):
    """Carries runs out by one engine.

    `carry_out` and `check` are called from its worker threads, `halt` from the thread that owns the scheduler.
    """

    name: str
    """For people; empty for this box."""
    slots: int
    """Runs at a time, 1 or more."""

    def carry_out(self, job: RunJob) -> RunRecord:
        """Do one run; when this returns its folder in the trial is complete, `run.json` written last.

        What breaks the run is in the record; an engine that was gone at its end is `engine_alive` false.

        Raises:
            Halted: the executor was halted; the folder holds no `run.json`.
            ExecutorLost: the executor is gone; the folder holds no `run.json`.
        """
        ...

    def check(self) -> None:
        """Do nothing while the engine of this executor answers; called once for its death.

        Raises:
            OnboxError: it does not; the message says why.
        """
        ...

    def halt(self) -> None:
        """Break off what runs wait for beside sandboxed commands; each `carry_out` under way then raises `Halted`."""
        ...


@dataclass(frozen=True)
class JobStarted:
    """A worker thread has begun a run."""

    job: RunJob
    executor: Executor


@dataclass(frozen=True)
class JobEnded:
    """A run is over and its folder complete."""

    job: RunJob
    executor: Executor
    record: RunRecord


@dataclass(frozen=True)
class ExecutorDropped:
    """An executor gets no further jobs: its engine died, or it is gone."""

    executor: Executor
    why: OnboxError


SchedulerEvent = JobStarted | JobEnded | ExecutorDropped


class Scheduler:
    """Has jobs carried out by executors, and yields an event for each beginning and end.

    Use as a context manager and iterate over it once: it ends when all jobs are done, or no executor is left. Leaving
    the body early, by KeyboardInterrupt for instance, ends every run under way, and none of them leaves a record.

    An executor whose engine died gets no further jobs; the runs under way there come to their own end, and those of an
    executor that is gone are queued again. The other executors go on.

    Args:
        executors: one or more.
        jobs: the runs, in the order in which they are to begin.
        affinity: the index of a job's executor; None: whichever is free.
    """

    def __init__(
        self,
        executors: Sequence[Executor],
        jobs: Sequence[RunJob],
        affinity: Callable[[RunJob], int | None] = lambda job: None,
    ) -> None:
        self._executors = executors
        self._jobs = deque(jobs)
        self._affinity = affinity
        self._under_way = 0
        self._dropped: set[int] = set()
        self._halt = Halt()
        self._changed = threading.Condition()
        self._checking = threading.Lock()
        self._events: SimpleQueue[SchedulerEvent | BaseException | None] = SimpleQueue()
        # Executors take turns, so that few jobs are spread over all of them.
        slots = [(slot, number) for number, executor in enumerate(executors) for slot in range(executor.slots)]
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"onbox-run-{number}-{slot}", daemon=True)
            for slot, number in sorted(slots)[: max(len(jobs), len(executors))]
        ]

    def __enter__(self) -> "Scheduler":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._halt.show()
        with self._changed:
            self._changed.notify_all()
        if any(thread.is_alive() for thread in self._threads):
            for executor in self._executors:
                executor.halt()
        for thread in self._threads:
            thread.join(HALT_S)
        if not any(thread.is_alive() for thread in self._threads):
            self._halt.close()

    def __iter__(self) -> Iterator[SchedulerEvent]:
        """Events, as they happen.

        Raises:
            Exception: what an executor raised that is no fault of a run.
        """
        busy = len(self._threads)
        while busy:
            event = self._events.get()
            if event is None:
                busy -= 1
            elif isinstance(event, BaseException):
                raise event
            else:
                yield event

    # ------------------------------------------------------------ in a worker thread

    def _work(self, number: int) -> None:
        try:
            with self._halt.kept():
                while (job := self._take(number)) is not None:
                    self._carry_out(number, job)
        except RunHalted:
            pass
        except BaseException as error:
            self._events.put(error)
        finally:
            self._events.put(None)

    def _carry_out(self, number: int, job: RunJob) -> None:
        executor, lost = self._executors[number], False
        try:
            record = executor.carry_out(job)
            if not record.engine_alive:
                self._check(number)
            self._events.put(JobEnded(job, executor, record))
        except ExecutorLost as error:
            lost = True
            self._drop(number, error)
        finally:
            with self._changed:
                self._under_way -= 1
                if lost:
                    self._jobs.appendleft(job)
                self._changed.notify_all()

    def _take(self, number: int) -> RunJob | None:
        """The next job; None when there is nothing more to do here.

        While runs are under way elsewhere it waits: should their executor be gone, they are to be done again.
        """
        with self._changed:
            while not self._halt.shown and number not in self._dropped:
                if (job := self._next(number)) is not None:
                    self._under_way += 1
                    self._events.put(JobStarted(job, self._executors[number]))
                    return job
                if not self._jobs and not self._under_way:
                    return None
                self._changed.wait()
            return None

    def _next(self, number: int) -> RunJob | None:
        for job in self._jobs:
            wanted = self._affinity(job)
            if wanted is None or wanted == number or wanted in self._dropped:
                self._jobs.remove(job)
                return job
        return None

    def _check(self, number: int) -> None:
        """Drop an executor whose engine is gone, once for all of its threads."""
        with self._checking:
            if number in self._dropped:
                return
            try:
                self._executors[number].check()
            except OnboxError as error:
                self._drop(number, error)

    def _drop(self, number: int, why: OnboxError) -> None:
        with self._changed:
            if number in self._dropped:
                return
            self._dropped.add(number)
            self._events.put(ExecutorDropped(self._executors[number], why))
            self._changed.notify_all()
