"""Counters of processes, read often and cheaply: the files stay open, and each look is one `pread`."""

import os
from contextlib import suppress
from typing import NamedTuple

from onbox.watch.samples import Process, Threads

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
THREADS_MAX = 400
"""A look at more threads than this would cost more than it tells."""
IO_S = 0.9
"""So often what a process read and wrote is looked at, while nothing else of it changes."""


class Stat(NamedTuple):
    """The fields of `/proc/PID/stat` that matter here."""

    name: str
    state: str
    parent: int
    session: int
    cpu_s: float
    faults: int
    threads: int
    started_ticks: int
    """Since boot: tells two processes of the same number apart."""
    rss_bytes: int


def parse_stat(text: bytes) -> Stat:
    """Read `/proc/PID/stat`; times and faults include children that were waited for."""
    head, _, tail = text.rpartition(b")")
    field = tail.split(None, 23)
    cpu_ticks = int(field[11]) + int(field[12]) + int(field[13]) + int(field[14])
    return Stat(
        name=head.partition(b"(")[2].decode("utf-8", "replace"),
        state=field[0].decode(),
        parent=int(field[1]),
        session=int(field[3]),
        cpu_s=cpu_ticks / TICKS_PER_S,
        faults=int(field[7]) + int(field[8]) + int(field[9]) + int(field[10]),
        threads=int(field[17]),
        started_ticks=int(field[19]),
        rss_bytes=int(field[21]) * PAGE_BYTES,
    )


def stat_of(pid: int) -> Stat | None:
    """A process now; None when there is none."""
    try:
        return parse_stat(_content(f"/proc/{pid}/stat"))
    except (OSError, IndexError, ValueError):
        return None


class Member:
    """One process of the set, with its two counter files open.

    Args:
        pid: of the process.
        role: as in `Process`.
        fresh: it was born while the watch ran, so that all its counters belong to the watch.
    """

    def __init__(self, pid: int, role: str, fresh: bool) -> None:
        self.pid = pid
        self.role = role
        self._stat = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        self._io: int | None = None
        with suppress(OSError):
            self._io = os.open(f"/proc/{pid}/io", os.O_RDONLY | os.O_CLOEXEC)
        self._before: tuple[float, int, int, int, int, int] = (0.0, 0, 0, 0, 0, 0)
        self._text = b""
        self._last: Process | None = None
        self._io_due_s = 0.0
        self.name = ""
        """As of the last look; a process may change it."""
        first = self.read(0.0)
        if first is not None and not fresh:
            self._before = (
                first.cpu_s,
                first.faults,
                first.read_bytes or 0,
                first.write_bytes or 0,
                first.chars or 0,
                first.calls or 0,
            )

    def read(self, now_s: float) -> Process | None:
        """Its counters since the watch began; None when it is gone.

        One that sleeps on is known by its unchanged text. Only what it reads and writes may have grown then, by what
        takes less than a hundredth of a second, and that can wait until `now_s` is late enough.
        """
        try:
            text = os.pread(self._stat, 1024, 0)
            if text == self._text and now_s < self._io_due_s:
                return self._last
            stat = parse_stat(text)
        except (OSError, IndexError, ValueError):
            return None
        self._text, self._io_due_s = text, now_s + IO_S
        self.name = stat.name
        reads, writes, chars, calls = self._read_io()
        cpu_s, faults, reads_0, writes_0, chars_0, calls_0 = self._before
        self._last = Process(
            self.pid,
            stat.name,
            self.role,
            stat.state,
            round(stat.cpu_s - cpu_s, 2),
            stat.faults - faults,
            stat.threads,
            stat.rss_bytes,
            None if reads is None else reads - reads_0,
            None if writes is None else writes - writes_0,
            None if chars is None else chars - chars_0,
            None if calls is None else calls - calls_0,
        )
        return self._last

    def _read_io(self) -> tuple[int | None, int | None, int | None, int | None]:
        """Bytes read, written, through calls, and the calls; None where they are not ours to see."""
        if self._io is not None:
            try:
                words = os.pread(self._io, 512, 0).split()
                read, written = int(words[9]), int(words[11])
                return read, written, int(words[1]) + int(words[3]), int(words[5]) + int(words[7])
            except (OSError, ValueError, IndexError):
                os.close(self._io)
                self._io = None
        return None, None, None, None

    def close(self) -> None:
        for descriptor in (self._stat, self._io):
            if descriptor is not None:
                os.close(descriptor)
        self._io = None


def read_threads(pids: list[int]) -> Threads | None:
    """What every thread of these processes does now; None when there are too many of them to look."""
    total = running = waiting = switches = 0
    places: dict[bytes, int] = {}
    for pid in pids:
        try:
            tasks = os.listdir(f"/proc/{pid}/task")
        except OSError:
            continue
        total += len(tasks)
        if total > THREADS_MAX:
            return None
        for task in tasks:
            with suppress(OSError, ValueError, IndexError):
                text = _content(f"/proc/{pid}/task/{task}/status")
                at = text.index(b"State:\t") + 7
                state = text[at : at + 1]
                running += state == b"R"
                waiting += state == b"D"
                words = text[text.index(b"\nvoluntary_ctxt_switches:", at) :].split(None, 4)
                switches += int(words[1]) + int(words[3])
                if state == b"S":
                    place = _content(f"/proc/{pid}/task/{task}/wchan")
                    places[place] = places.get(place, 0) + 1
    place = max(places, key=lambda name: places[name]) if places else b""
    return Threads(total, running, waiting, switches, "" if place in (b"0", b"") else place.decode("ascii", "replace"))


def _content(path: str) -> bytes:
    """The beginning of a small file, read with no more calls than it takes."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 8192)
    finally:
        os.close(descriptor)
