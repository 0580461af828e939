"""The same work on many things, on several processors."""

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from onbox.errors import BoxError

T = TypeVar("T")
R = TypeVar("R")

PROCESSES_MAX = 4
"""More would be faster than the disk, and each holds memory of its own."""
ITEMS_A_TASK = 50

_work: Callable[[Any], Any] = str
"""What the processes do: they are copies of this one, so nothing of it has to be sent to them."""


def spread(
    work: Callable[[T], R], items: Sequence[T], *, worth_it: bool = True, at_a_time: int = ITEMS_A_TASK
) -> list[R]:
    """The work on each item, in their order; an error of the work is raised here.

    Copies of this process do it, where it has one thread alone: a copy of one with more may hang.

    Args:
        work: changes nothing in memory that anybody else looks at; what it returns can be pickled.
        items: that it is done on.
        worth_it: False: there is too little work for more than one process.
        at_a_time: items that are given to a process together.

    Raises:
        BoxError: a process was killed, as for want of memory.
    """
    processes = min(PROCESSES_MAX, len(os.sched_getaffinity(0)), -(-len(items) // at_a_time))
    with without_collections():
        if not worth_it or processes < 2 or threading.active_count() > 1:
            return [work(item) for item in items]
        global _work
        _work = work
        places = range(0, len(items), at_a_time)
        copies = multiprocessing.get_context("fork")
        pool = ProcessPoolExecutor(processes, mp_context=copies, initializer=_leave_signals_alone)
        try:
            parts = pool.map(_some, [items[place : place + at_a_time] for place in places])
            return [result for part in parts for result in part]
        except BrokenProcessPool as error:
            raise BoxError("a process that reads the trial was killed", "free some memory, and try again") from error
        finally:
            pool.shutdown(cancel_futures=True)


def _leave_signals_alone() -> None:
    """An interrupt of the user goes to every process, and this one answers for all."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _some(items: Sequence[Any]) -> list[Any]:
    return [_work(item) for item in items]


@contextmanager
def without_collections() -> Iterator[None]:
    """While a trial is read: nothing here makes circles; a collection would look at all of a long one again and again,
    and the copies would hold all that it looks at a second time."""
    was = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        if was:
            gc.unfreeze()
            gc.enable()
