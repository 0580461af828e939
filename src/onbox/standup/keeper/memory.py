"""What is available on this box, and what an engine's processes hold of it."""

import os
from typing import NamedTuple

from onbox.standup.keeper.guard import Sample
from onbox.standup.keeper.nvml import Nvml

TREE_EVERY_S = 2.0
GPU_EVERY_S = 0.5
OWN_EVERY_S = 0.5
KIB = 1024


class Holding(NamedTuple):
    """What one process holds: memory that is its own, and memory that it shares with others of its tree."""

    anonymous_bytes: int
    shared_bytes: int


class Memory:
    """Samples the box and the processes below some roots.

    Args:
        roots: pids whose descendants are the engine's; the keeper's own pid is a root and is not counted itself.
        unified: whether GPU memory is the host's.
        gpu: None where there is no NVIDIA driver.
    """

    def __init__(self, roots: set[int], *, unified: bool, gpu: Nvml | None) -> None:
        self.roots = roots
        self.tree: set[int] = set()
        self.holdings: dict[int, Holding] = {}
        self.gpu_bytes: dict[int, int] | None = None
        self._unified = unified
        self._gpu = gpu
        self._meminfo = os.open("/proc/meminfo", os.O_RDONLY | os.O_CLOEXEC)
        self._pressure = _open("/proc/pressure/memory")
        self._own_bytes: int | None = None
        self._tree_at = self._gpu_at = self._own_at = float("-inf")

    def sample(self, t_s: float, phase: str, *, closely: bool) -> Sample:
        """Look now; `closely` also at what each process holds, for new processes and at the GPU, which is dearer."""
        if closely or t_s - self._tree_at >= TREE_EVERY_S:
            self.tree, self._tree_at = descendants(self.roots), t_s
        if self._gpu is not None and (closely or t_s - self._gpu_at >= GPU_EVERY_S):
            self.gpu_bytes, self._gpu_at = self._gpu.used_bytes(), t_s
        gpu = self._gpu_of_tree()
        if closely or t_s - self._own_at >= OWN_EVERY_S:
            self._own_bytes, self._own_at = self._own(gpu), t_s
        return Sample(
            t_s, available_bytes(os.pread(self._meminfo, 4096, 0)), self._own_bytes, gpu, self._stall_s(), phase
        )

    def _gpu_of_tree(self) -> int | None:
        told = self.gpu_bytes
        return None if told is None else sum(count for pid, count in told.items() if pid in self.tree)

    def _own(self, gpu: int | None) -> int | None:
        """Host memory of the tree, and on unified memory the GPU's share, which the host's counters do not see."""
        self.holdings = {pid: held for pid in self.tree if (held := holding(pid)) is not None}
        if self._unified and gpu is None:
            return None
        own = sum(held.anonymous_bytes for held in self.holdings.values())
        own += max((held.shared_bytes for held in self.holdings.values()), default=0)
        return own + (gpu or 0 if self._unified else 0)

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


def holding(pid: int) -> Holding | None:
    """What a process holds that is not a file's; None for one that is gone, dead or hidden."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            text = file.read()
    except OSError:
        return None
    anonymous, shared = _kib(text, b"\nRssAnon:"), _kib(text, b"\nRssShmem:")
    return None if anonymous is None else Holding(anonymous * KIB, (shared or 0) * KIB)


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
