"""Who used the processors while a request ran."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil

from onbox.evidence.decode_rate import SECOND_NS
from onbox.evidence.records import CpuWindow

T = TypeVar("T")
REFERENCE = bytes(1 << 20)
REFERENCE_REPEATS = 5
ACCELERATOR_FILES = ("/dev/nvidia", "/dev/kfd", "/dev/dri/", "/dev/dxg", "/dev/accel/")
"""Through one of these each process computes on an accelerator: NVIDIA's driver, AMD's, any of Direct Rendering, WSL's,
the kernel's accel class."""


def pace_of_processor_s() -> float:
    """Seconds that the SHA-256 of a MiB takes, the best of five: a few ms in all, and the same work each time."""
    best = float("inf")
    for _ in range(REFERENCE_REPEATS):
        began = time.perf_counter()
        hashlib.sha256(REFERENCE).digest()
        best = min(best, time.perf_counter() - began)
    return best


def wait_for_processor_s() -> float | None:
    """Seconds that this thread could have run and had no processor, since it began; None: the kernel does not tell.

    Source: Linux, Documentation/scheduler/sched-stats.rst, /proc/<pid>/schedstat.
    """
    try:
        ran_ns, waited_ns, _ = map(int, Path("/proc/thread-self/schedstat").read_text().split())
    except (OSError, ValueError):
        return None
    return waited_ns / SECOND_NS if ran_ns else None


def with_wait(call: Callable[[], T]) -> tuple[T, float | None]:
    """What `call` returns, and how many seconds this thread waited for a processor meanwhile; None: not known."""
    before_s = wait_for_processor_s()
    result = call()
    after_s = wait_for_processor_s()
    return result, None if before_s is None or after_s is None else round(after_s - before_s, 6)


COMPUTES_SHARE = 0.75
"""Of one core while requests run: what uses less computes no tokens itself, as the proxy of a container's port."""


class CpuMeter:
    """Reads CPU time of the machine, of an engine's process tree and of onbox itself.

    Args:
        engine_pid: the engine's process; None when it is not ours to see.
    """

    def __init__(self, engine_pid: int | None) -> None:
        self._engine_pid = engine_pid
        self.window: CpuWindow | None = None
        """Of the last `measuring` block."""
        self._wall_s = self._engine_busy_s = 0.0

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Measure the body; the result is in `window`."""
        reference_s = pace_of_processor_s()
        began, before = time.monotonic(), self._read()
        yield
        wall_s, after = time.monotonic() - began, self._read()
        engine_s = None if before[1] is None or after[1] is None else max(0.0, after[1] - before[1])
        self._wall_s += wall_s
        self._engine_busy_s += engine_s or 0.0
        self.window = CpuWindow(
            wall_s=round(wall_s, 6),
            cores=os.cpu_count() or 1,
            busy_s=round(after[0] - before[0], 6),
            engine_s=None if engine_s is None else round(engine_s, 6),
            own_s=round(after[2] - before[2], 6),
            steal_s=round(after[3] - before[3], 6),
            reference_s=round(reference_s, 7),
        )

    def _read(self) -> tuple[float, float | None, float, float]:
        times = psutil.cpu_times()
        steal_s = getattr(times, "steal", 0.0)
        idle_s = times.idle + getattr(times, "iowait", 0.0)
        # Guest time is part of user time already.
        counted = ("user", "nice", "system", "irq", "softirq", "idle", "iowait", "steal")
        busy_s = sum(getattr(times, name, 0.0) for name in counted) - idle_s - steal_s
        own = time.process_time()
        return busy_s, self._engine_s(), own, steal_s

    def _engine_s(self) -> float | None:
        try:
            times = [process.cpu_times() for process in self._engine()]
        except psutil.Error:
            return None
        return sum(t.user + t.system for t in times) if times else None

    def engine_pids(self) -> tuple[int, ...]:
        """The engine's processes; empty when they are not ours to see, or gone."""
        try:
            return tuple(process.pid for process in self._engine())
        except psutil.Error:
            return ()

    def opened_accelerator(self) -> bool | None:
        """Whether a process of the engine has an accelerator's device file open; None: that is not ours to see.

        That none has is known only of processes whose own processor time shows that they compute: who listens at a port
        may be a proxy, with the engine behind it in a container or on another box.
        """
        pids = self.engine_pids()
        try:
            files = [str(each.readlink()) for pid in pids for each in Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:
            return None
        if any(file.startswith(ACCELERATOR_FILES) for file in files):
            return True
        computes = self._wall_s > 0 and self._engine_busy_s >= COMPUTES_SHARE * self._wall_s
        return False if pids and computes else None

    def _engine(self) -> list[psutil.Process]:
        if self._engine_pid is None:
            return []
        engine = psutil.Process(self._engine_pid)
        return [engine, *engine.children(recursive=True)]
