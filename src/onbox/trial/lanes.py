"""Several runs at a time: lanes that take orders in turn and carry each out at a place.

The seam is `Place`: somewhere runs are carried out, with room for `slots` of them at a time, all by one engine. This
box is one (`onbox.trial.here.Here`); a node of a cluster would be another. A lane is a thread that belongs to one
place, and a place has as many lanes as slots. Orders are begun in the order in which they are given, whichever lane
takes them.

An order may have a home, the place that others like it go to. Only when that place is given up is it done elsewhere.

What happened comes out of `Lanes` one by one, in the caller's thread: only there the ledger is written, judged and
shown. A place never touches these; it writes the run's own folder and returns the record.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol

from onbox.bench.sandbox.halt import Halt, Halted
from onbox.bench.tasks import Task
from onbox.errors import BoxError, OnboxError
from onbox.evidence.records import RunRecord

HALT_S = 20.0
"""How long lanes may take to end when they are told to; a killed sandbox is given ten seconds."""


@dataclass(frozen=True)
class Order:
    """One run that is to be done.

    Args:
        task: as it lies; of a generated one the place takes the instance of the seed.
        arm: how the agent is equipped.
        n: number of the run, from 1.
        seed: of the sampling and of the task's instance.
    """

    task: Task
    arm: str
    n: int
    seed: int


class PlaceLost(BoxError):
    """A place is gone, and what was under way there with it; it left no record and is done elsewhere. Exit code 3."""


class Place(Protocol):
    """Where runs are carried out: one engine, and what leads to it.

    `carry_out` and `check` are called from its lanes' threads, `halt` from the thread that owns the lanes.
    """

    name: str
    """For people; empty for this box."""
    slots: int
    """Runs at a time, 1 or more."""

    def carry_out(self, order: Order) -> RunRecord:
        """Do one run; when this returns its folder in the trial is complete, `run.json` written last.

        What breaks the run is in the record; an engine that was gone at its end is `engine_alive` false.

        Raises:
            Halted: the place was halted; the folder holds no `run.json`.
            PlaceLost: the place is gone; the folder holds no `run.json`.
        """
        ...

    def check(self) -> None:
        """Do nothing while the engine of this place answers; called once for its death.

        Raises:
            OnboxError: it does not; why is told.
        """
        ...

    def halt(self) -> None:
        """Break off what runs wait for beside sandboxed commands; each `carry_out` under way then raises `Halted`."""
        ...


@dataclass(frozen=True)
class Started:
    """A lane has begun a run."""

    order: Order
    place: Place


@dataclass(frozen=True)
class Ended:
    """A run is over and its folder complete."""

    order: Order
    place: Place
    record: RunRecord


@dataclass(frozen=True)
class GivenUp:
    """A place gets no further orders: its engine died, or it is gone."""

    place: Place
    why: OnboxError


News = Started | Ended | GivenUp


class Lanes:
    """Carries out orders at places, and tells what happened.

    Use as a context manager and iterate over it once: it ends when all orders are done, or no place is left. Leaving
    the body early, by KeyboardInterrupt for instance, ends every run under way, and none of them leaves a record.

    A place whose engine died gets no further orders; the runs under way there come to their own end, and those of a
    place that is gone are ordered again. The other places go on.

    Args:
        places: one or more.
        orders: the runs, in the order in which they are to begin.
        home: the index of an order's place; None: whichever is free.
    """

    def __init__(
        self,
        places: Sequence[Place],
        orders: Sequence[Order],
        home: Callable[[Order], int | None] = lambda order: None,
    ) -> None:
        self._places = places
        self._orders = deque(orders)
        self._home = home
        self._under_way = 0
        self._given_up: set[int] = set()
        self._halt = Halt()
        self._changed = threading.Condition()
        self._checking = threading.Lock()
        self._news: SimpleQueue[News | BaseException | None] = SimpleQueue()
        # Places take turns, so that few orders are spread over all of them.
        slots = [(slot, number) for number, place in enumerate(places) for slot in range(place.slots)]
        self._threads = [
            threading.Thread(target=self._lane, args=(number,), name=f"onbox-lane-{number}-{slot}", daemon=True)
            for slot, number in sorted(slots)[: max(len(orders), len(places))]
        ]

    def __enter__(self) -> "Lanes":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._halt.show()
        with self._changed:
            self._changed.notify_all()
        if any(thread.is_alive() for thread in self._threads):
            for place in self._places:
                place.halt()
        for thread in self._threads:
            thread.join(HALT_S)
        if not any(thread.is_alive() for thread in self._threads):
            self._halt.close()

    def __iter__(self) -> Iterator[News]:
        """What happens, as it happens.

        Raises:
            Exception: what a place raised that is no fault of a run.
        """
        busy = len(self._threads)
        while busy:
            news = self._news.get()
            if news is None:
                busy -= 1
            elif isinstance(news, BaseException):
                raise news
            else:
                yield news

    # ------------------------------------------------------------ in a lane's thread

    def _lane(self, number: int) -> None:
        try:
            with self._halt.kept():
                while (order := self._take(number)) is not None:
                    self._carry_out(number, order)
        except Halted:
            pass
        except BaseException as error:
            self._news.put(error)
        finally:
            self._news.put(None)

    def _carry_out(self, number: int, order: Order) -> None:
        place, lost = self._places[number], False
        try:
            record = place.carry_out(order)
            if not record.engine_alive:
                self._check(number)
            self._news.put(Ended(order, place, record))
        except PlaceLost as error:
            lost = True
            self._give_up(number, error)
        finally:
            with self._changed:
                self._under_way -= 1
                if lost:
                    self._orders.appendleft(order)
                self._changed.notify_all()

    def _take(self, number: int) -> Order | None:
        """The next order; None when there is nothing more to do here.

        While runs are under way elsewhere it waits: should their place be gone, they are to be done again.
        """
        with self._changed:
            while not self._halt.shown and number not in self._given_up:
                if (order := self._next(number)) is not None:
                    self._under_way += 1
                    self._news.put(Started(order, self._places[number]))
                    return order
                if not self._orders and not self._under_way:
                    return None
                self._changed.wait()
            return None

    def _next(self, number: int) -> Order | None:
        for order in self._orders:
            home = self._home(order)
            if home is None or home == number or home in self._given_up:
                self._orders.remove(order)
                return order
        return None

    def _check(self, number: int) -> None:
        """Give a place up whose engine is gone, once for all of its lanes."""
        with self._checking:
            if number in self._given_up:
                return
            try:
                self._places[number].check()
            except OnboxError as error:
                self._give_up(number, error)

    def _give_up(self, number: int, why: OnboxError) -> None:
        with self._changed:
            if number in self._given_up:
                return
            self._given_up.add(number)
            self._news.put(GivenUp(self._places[number], why))
            self._changed.notify_all()
