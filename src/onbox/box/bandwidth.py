"""Read bandwidth of the host's memory, measured: numpy sums over an array that no cache holds, in threads."""

import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING

import psutil

from onbox.box.system import cpu_clock_mhz

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIB = 1 << 20
REPEATS = 7
DATA_BYTES_MIN = 256 * MIB
DATA_BYTES_MAX = 4096 * MIB


@dataclass(frozen=True)
class Bandwidth:
    """How fast one processor reads memory. GB are 10^9 bytes; every byte is counted once."""

    read_gb_s: float
    """The best of `repeats`: interference only ever slows a read down."""
    method: str
    threads: int
    device: str | None = None
    index: int | None = None
    """Of a GPU, as NVML counts; None: the processor, or a GPU that NVML does not know."""
    median_gb_s: float | None = None
    repeats: int | None = None
    data_bytes: int | None = None
    cache_bytes: int | None = None
    """The last level of cache, summed over the machine; None when the system does not tell."""
    nominal_gb_s: float | None = None
    nominal_source: str | None = None
    by_threads: dict[int, float] | None = None
    """Best GB/s by number of threads."""
    foreign_cores: float | None = None
    """Cores that others kept busy while this was measured; above a half or so the value is too low."""
    clock_mhz: float | None = None
    """The highest processor clock seen while this was measured."""
    power_w: float | None = None
    """The highest power draw seen while this was measured."""


def cpu_bandwidth(*, data_bytes: int | None = None, repeats: int = REPEATS) -> Bandwidth:
    """Measure how fast the processors read memory.

    Each thread first writes its own part of a float64 array (so that its pages lie near it), then all sum their parts
    at once, `repeats` times, for 1, 2, 4, ... threads up to all that this process may use. Time runs from the first
    start to the last end. numpy lets go of the interpreter lock while it sums.

    Args:
        data_bytes: size of the array; by default 8 times the last level of cache, 256 MiB at least, and never more
            than a quarter of the memory that is free.
        repeats: measurements for each number of threads.
    """
    cache = last_level_cache_bytes()
    size = data_bytes or _data_bytes(cache)
    best: tuple[float, int, list[float]] | None = None
    by_threads: dict[int, float] = {}
    clocks: list[float] = []
    foreign: list[float] = []
    for threads in _thread_counts():
        with _ForeignCpu() as others:
            rates = _rates(size, threads, repeats)
            clocks.append(cpu_clock_mhz() or 0.0)
        foreign.append(others.cores)
        by_threads[threads] = round(max(rates), 2)
        if best is None or max(rates) > best[0]:
            best = (max(rates), threads, rates)
    assert best is not None
    top, threads, rates = best
    return Bandwidth(
        read_gb_s=round(top, 2),
        method=f"numpy float64 sum, {size // MIB} MiB, best of {repeats}",
        threads=threads,
        device="cpu",
        median_gb_s=round(statistics.median(rates), 2),
        repeats=repeats,
        data_bytes=size,
        cache_bytes=cache,
        by_threads=by_threads,
        foreign_cores=round(statistics.median(foreign), 2),
        clock_mhz=max(clocks) or None,
    )


def last_level_cache_bytes(root: Path = Path("/sys/devices/system/cpu")) -> int | None:
    """The highest level of cache, each shared part counted once; None where the system does not tell."""
    parts: dict[tuple[int, str], int] = {}
    for index in root.glob("cpu[0-9]*/cache/index[0-9]*"):
        try:
            level = int((index / "level").read_text())
            shared = (index / "shared_cpu_list").read_text().strip()
            size = (index / "size").read_text().strip()
        except (OSError, ValueError):
            continue
        unit = {"K": 1024, "M": MIB}.get(size[-1:], 1)
        if size.rstrip("KM").isdigit():
            parts[level, shared] = int(size.rstrip("KM")) * unit
    if not parts:
        return None
    top = max(level for level, _ in parts)
    return sum(size for (level, _), size in parts.items() if level == top)


def _data_bytes(cache: int | None) -> int:
    wanted = min(DATA_BYTES_MAX, max(DATA_BYTES_MIN, 8 * (cache or 0)))
    room = int(psutil.virtual_memory().available) // 4
    return max(64 * MIB, min(wanted, room)) // MIB * MIB


def _thread_counts() -> list[int]:
    try:
        most = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        most = os.cpu_count() or 1
    counts = {most}
    count = 1
    while count < most:
        counts.add(count)
        count *= 2
    return sorted(counts)


def _rates(size: int, threads: int, repeats: int) -> list[float]:
    """GB/s of each repeat."""
    import numpy as np  # here, because who asks this package for accelerators does not pay for it

    words = size // 8 // threads * threads
    data: NDArray[np.float64] = np.empty(words, dtype=np.float64)
    parts = np.split(data, threads)
    barrier = Barrier(threads)

    def read(part: "NDArray[np.float64]") -> list[tuple[float, float]]:
        part.fill(1.0)
        spans = []
        for _ in range(repeats):
            barrier.wait()
            started = time.perf_counter()
            total = float(part.sum())
            spans.append((started, time.perf_counter()))
            if total != part.size:
                raise ArithmeticError("the memory test read back what it did not write")
        return spans

    with ThreadPoolExecutor(threads) as pool:
        spans = list(pool.map(read, parts))
    seconds = [max(end for _, end in each) - min(start for start, _ in each) for each in zip(*spans, strict=True)]
    return [words * 8 / 1e9 / each for each in seconds]


class _ForeignCpu:
    """Counts the cores that other processes keep busy between enter and exit."""

    cores: float = 0.0

    def __enter__(self) -> "_ForeignCpu":
        self._before = self._now()
        return self

    def __exit__(self, *_: object) -> None:
        wall, busy, own = (after - before for after, before in zip(self._now(), self._before, strict=True))
        self.cores = max(0.0, busy - own) / wall if wall > 0 else 0.0

    @staticmethod
    def _now() -> tuple[float, float, float]:
        machine = psutil.cpu_times()
        own = psutil.Process().cpu_times()
        idle = machine.idle + getattr(machine, "iowait", 0.0)
        guests = getattr(machine, "guest", 0.0) + getattr(machine, "guest_nice", 0.0)  # counted in user already
        return time.monotonic(), sum(machine) - idle - guests, own.user + own.system
