"""What is available on this box, and what an engine's processes hold of it."""

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from onbox.supervisor.gpu_memory import Nvml
from onbox.supervisor.guard import MemorySample
from onbox.supervisor.new_pids import NewPids, is_process

HELD_EVERY_S = 0.5
"""So often, while the reserve is far, at what each process holds."""
TREE_EVERY_S = 2.0
"""So often, while the reserve is far, it is looked at who was born."""
WALK_EVERY_S = 10.0
"""So often the tree is walked, whatever the numbers of new processes say."""
KIB = 1024
STATUS_BYTES = 1 << 14
"""At most, of `/proc/PID/status`: somebody may be in many groups."""


class HeldMemory(NamedTuple):
    """What one process holds: memory that is its own, and memory that it shares with others of its tree."""

    anonymous_bytes: int
    shared_bytes: int


class Tree:
    """The processes below some roots, with what each holds; the files that tell it stay open.

    Args:
        roots: pids whose descendants are the engine's; the supervisor's own pid is a root and is not counted itself. It
            may grow.
    """

    def __init__(self, roots: set[int]) -> None:
        self._roots = roots
        self._new_pids = NewPids()
        self._status: dict[int, int] = {}
        self._walked_at, self._walked_roots = float("-inf"), 0

    @property
    def pids(self) -> set[int]:
        """The processes as of the last refresh; those that could not be looked at are left out."""
        return set(self._status)

    def refresh(self, t_s: float) -> None:
        """Take in who was born since; where the kernel does not tell who, by a walk."""
        new_pids = self._new_pids.numbers()
        if new_pids is None or t_s - self._walked_at >= WALK_EVERY_S or len(self._roots) != self._walked_roots:
            self._walked_at, self._walked_roots = t_s, len(self._roots)
            self._take_in(descendants(self._roots))
        else:
            self._take_in(number for number in new_pids if self._is_ours(number))

    def holdings(self) -> dict[int, HeldMemory]:
        """What each process holds now; those that are gone are let go of."""
        found = {}
        for pid, status in tuple(self._status.items()):
            try:
                held = parse_holding(os.pread(status, STATUS_BYTES, 0))
            except OSError:
                os.close(self._status.pop(pid))
                continue
            if held is not None:
                found[pid] = held
        return found

    def _take_in(self, pids: Iterable[int]) -> None:
        for pid in pids:
            if pid not in self._status:
                with suppress(OSError):
                    self._status[pid] = os.open(f"/proc/{pid}/status", os.O_RDONLY | os.O_CLOEXEC)

    def _is_ours(self, number: int) -> bool:
        parent = parent_of(number)
        return (parent in self._status or parent in self._roots) and is_process(number)


class MemorySampler:
    """Samples the box and the processes below some roots.

    Args:
        roots: as of `Tree`.
        unified: whether GPU memory is the host's.
        gpu: None where there is no NVIDIA driver.
    """

    def __init__(self, roots: set[int], *, unified: bool, gpu: Nvml | None) -> None:
        self.tree = Tree(roots)
        self.holdings: dict[int, HeldMemory] = {}
        self.gpu_bytes: dict[int, int] | None = None
        self._unified = unified
        self._gpu = gpu
        self._meminfo = os.open("/proc/meminfo", os.O_RDONLY | os.O_CLOEXEC)
        self._pressure = _open("/proc/pressure/memory")
        self._held_bytes = 0
        self._held_at = self._tree_at = float("-inf")

    def sample(self, t_s: float, phase: str, *, closely: bool) -> MemorySample:
        """Look now; `closely` also at who was born and at what each process holds, which is dearer."""
        if closely or t_s - self._tree_at >= TREE_EVERY_S:
            self._tree_at = t_s
            self.tree.refresh(t_s)
        if closely or t_s - self._held_at >= HELD_EVERY_S:
            self._held_at = t_s
            self.holdings = self.tree.holdings()
            self._held_bytes = sum([held.anonymous_bytes for held in self.holdings.values()])
            self._held_bytes += max([held.shared_bytes for held in self.holdings.values()], default=0)
        gpu = self._read_gpu()
        available = available_bytes(os.pread(self._meminfo, 4096, 0))
        return MemorySample(t_s, available, self._own_bytes(gpu), gpu, self._stall_s(), phase)

    def _read_gpu(self) -> int | None:
        if self._gpu is None:
            return None
        found = self.gpu_bytes = self._gpu.used_bytes()
        pids = self.tree.pids
        return None if found is None else sum(count for pid, count in found.items() if pid in pids)

    def _own_bytes(self, gpu: int | None) -> int | None:
        """Host memory of the tree, and on unified memory the GPU's share, which the host's counters do not see."""
        if not self._unified:
            return self._held_bytes
        return None if gpu is None else self._held_bytes + gpu

    def _stall_s(self) -> float | None:
        if self._pressure is None:
            return None
        return full_stall_s(os.pread(self._pressure, 512, 0))


def available_bytes(meminfo: bytes) -> int:
    """MemAvailable of the text of `/proc/meminfo`."""
    at = meminfo.index(b"MemAvailable:") + 13
    return int(meminfo[at : meminfo.index(b"kB", at)]) * KIB


def full_stall_s(pressure: bytes) -> float | None:
    """The total of the line `full` of `/proc/pressure/memory`, in seconds."""
    at = pressure.find(b"full")
    total = pressure.find(b"total=", at)
    return None if at < 0 or total < 0 else int(pressure[total + 6 :].split()[0]) / 1e6


def holding(pid: int) -> HeldMemory | None:
    """What a process holds that is not a file's; None for one that is gone, dead or hidden."""
    try:
        with open(f"/proc/{pid}/status", "rb", buffering=0) as file:
            return parse_holding(file.read(STATUS_BYTES))
    except OSError:
        return None


def parse_holding(text: bytes) -> HeldMemory | None:
    """Read `/proc/PID/status`; None for a process that is dead and has no memory any more."""
    anonymous, shared = _kib(text, b"\nRssAnon:"), _kib(text, b"\nRssShmem:")
    return None if anonymous is None else HeldMemory(anonymous * KIB, (shared or 0) * KIB)


def descendants(roots: set[int]) -> set[int]:
    """All processes below the roots; a root counts unless it is this process."""
    found = {pid for pid in roots if pid != os.getpid()}
    todo = list(roots)
    while todo:
        for child in children(todo.pop()):
            if child not in found:
                found.add(child)
                todo.append(child)
    return found


def children(pid: int) -> list[int]:
    """The children of all threads of a process; empty for one that is gone."""
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        pass
    return found


def parent_of(pid: int) -> int | None:
    """The parent of a process, or of a thread's process; None for one that is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            return int(file.read(4096).rpartition(b")")[2].split(None, 2)[1])
    except (OSError, ValueError, IndexError):
        return None


def start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot: with its pid it names a process for good."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except OSError:
        return None


def command_of(pid: int) -> str:
    """The command line of a process, for people."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read(400).replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def largest_others(but: set[int], count: int) -> list[tuple[int, int]]:
    """(pid, bytes) of the processes that hold most and are not among `but`."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    held = [(pid, sum(found)) for pid in pids if pid not in but and (found := holding(pid)) is not None]
    return sorted(held, key=lambda each: -each[1])[:count]


def _kib(text: bytes, name: bytes) -> int | None:
    at = text.find(name)
    return None if at < 0 else int(text[at + len(name) : text.index(b"kB", at)])


def _open(path: str) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
