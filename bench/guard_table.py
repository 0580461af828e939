"""Does the guard stop what starves the box in time, and leave the healthy alone? Tables with counts.

    python bench/guard_table.py hogs [EACH]   # real processes that take memory at a known pace, really guarded
    python bench/guard_table.py healthy [N]   # starts whose plan fits, and that take what was planned, steeply
    python bench/guard_table.py cost          # what the supervisor takes of a core and of memory, at rest and watching

A hog may take 1.75 GiB, and no more: its address space is limited to that. The reserve is chosen for each run, 1.25 GiB
below what is available at that moment, so this needs a box with 4 GiB to spare.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onbox.supervisor import SUPERVISOR
from onbox.supervisor.memory_sampler import available_bytes
from onbox.supervisor.settings import MemoryLimits, Settings

GIB = 2**30
SPARE_BYTES = 5 * GIB // 4
HOG_BYTES = 7 * GIB // 4
PACES_GIB_S = (0.5, 1.0, 2.0, 4.0)
HOGS_EACH = 5
WARM_BYTES = 5 * GIB // 2
HEALTHY = 20
HEALTHY_BYTES = GIB // 2
HEALTHY_MARGIN_BYTES = 128 << 20
COST_S = 20.0
SETTLE_TRIES = 10

TAKE = """
import ctypes, mmap, resource, sys, threading, time
size, pace, hands, at_once = int(sys.argv[1]), float(sys.argv[2]), 2, 16 << 20
huge, populate_write = 14, 23
resource.setrlimit(resource.RLIMIT_AS, (size + (1 << 29), size + (1 << 29)))
libc = ctypes.CDLL(None, use_errno=True)
memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(size), huge)
def take(first):
    for done in range(first, size - at_once + 1, at_once * hands):
        time.sleep(max(0.0, began + done / pace - time.monotonic()))
        place = ctypes.c_void_p(address + done)
        if libc.madvise(place, ctypes.c_size_t(at_once), populate_write):
            ctypes.memset(place, 1, at_once)
        taken.append(at_once)
        print(f"step {sum(taken)} {time.monotonic() - began:.4f}", flush=True)
time.sleep(0.5)
taken, began = [], time.monotonic()
threads = [threading.Thread(target=take, args=(hand * at_once,)) for hand in range(hands)]
for each in threads: each.start()
for each in threads: each.join()
time.sleep(float(sys.argv[3]))
"""
"""Takes memory at a pace, or as fast as the box can, and then holds it.

Two threads fault in huge pages, where the kernel has them, without a write for each page: on two cores that is several
GiB/s of memory that the box has at hand.
"""
HOLD_S = 1.5


def available() -> int:
    return available_bytes(Path("/proc/meminfo").read_bytes())


@dataclass(frozen=True)
class End:
    """How a run under the supervisor ended, what the guard wrote, and the least that was available meanwhile."""

    how: str
    record: dict[str, Any] | None
    lowest_bytes: int


def keep(folder: Path, limits: MemoryLimits, command: Sequence[str]) -> End:
    """Run a command under a supervisor to its end."""
    record = folder / "guard.json"
    record.unlink(missing_ok=True)
    (folder / "log").unlink(missing_ok=True)
    settings = Settings(log=str(folder / "log"), limits=limits, guard_file=str(record)).to_json()
    supervisor = subprocess.Popen(
        [sys.executable, "-I", "-S", SUPERVISOR, settings, "--", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert supervisor.stdout is not None
    lowest, over = [available()], threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            lowest[0] = min(lowest[0], available())

    looking = threading.Thread(target=look)
    looking.start()
    said = [json.loads(line) for line in supervisor.stdout]
    supervisor.wait()
    assert supervisor.stdin is not None
    supervisor.stdin.close()
    over.set()
    looking.join()
    return End(said[-1]["how"], json.loads(record.read_text()) if record.exists() else None, lowest[0])


def take(size: int, pace: float, hold_s: float = HOLD_S) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", TAKE, str(size), str(pace), str(hold_s)]


def warm() -> None:
    """Have at hand what the next process will take: a virtual machine gets memory from its host page by page, at a
    fraction of the pace at which it hands out what it already has."""
    subprocess.run(take(WARM_BYTES, 100 * GIB, 0.0), stdout=subprocess.DEVNULL, check=True)


def pace_bytes_s(log: Path) -> float:
    """How fast a process took memory until it was stopped, by the steps that it told of."""
    steps = [line.split() for line in log.read_text().splitlines() if " step " in line]
    return int(steps[-1][-2]) / float(steps[-1][-1]) if steps else 0.0


def settle() -> int:
    """What is available when others have been quiet for half a second, or will not be."""
    for _ in range(SETTLE_TRIES):
        before = available()
        time.sleep(0.5)
        if abs(available() - before) < 32 << 20:
            break
    return available()


def hogs(folder: Path, each: int = HOGS_EACH) -> None:
    """A run in which the reserve was never near, because others gave memory back, is void and done again."""
    print("| asked GiB/s | seen GiB/s | stopped | before the reserve | left above it, MiB | gone after, s |")
    print("|---|---|---|---|---|---|")
    total = kept = void = 0
    for pace in PACES_GIB_S:
        seen: list[tuple[float, int, float]] = []
        runs = 0
        while runs < each:
            warm()
            limits = MemoryLimits(reserve_bytes=settle() - SPARE_BYTES)
            end = keep(folder, limits, take(HOG_BYTES, pace * GIB))
            if end.record is None and end.lowest_bytes > limits.reserve_bytes:
                void += 1
                continue
            runs += 1
            if end.record is not None:
                margin = min(end.lowest_bytes, end.record["lowest_bytes"]) - limits.reserve_bytes
                if margin < 0:
                    stop = {name: end.record[name] for name in ("kind", "ours", "own_bytes", "fall_bytes_s")}
                    print(f"breached by {-margin / 2**20:.0f} MiB: {stop}", file=sys.stderr)
                    print(json.dumps(end.record["trace"][-12:]), file=sys.stderr)
                seen.append((pace_bytes_s(folder / "log"), margin, end.record["gone_s"]))
        margins = sorted(margin / 2**20 for _, margin, _ in seen)
        paces = sorted(fall / GIB for fall, _, _ in seen)
        good = sum(margin >= 0 for margin in margins)
        total, kept = total + runs, kept + good
        print(
            f"| {pace:g} | {paces[0]:.2f} to {paces[-1]:.2f} | {len(seen)} of {runs} | {good} of {runs} "
            f"| {margins[0]:.0f}, {margins[len(margins) // 2]:.0f} | up to {max(gone for _, _, gone in seen):.2f} |"
        )
    print(f"\n{kept} of {total} were stopped before the reserve was breached; {void} void")


def healthy(folder: Path, count: int = HEALTHY) -> None:
    """The plan ends 128 MiB above the reserve, and the process takes nearly all of it as fast as it can."""
    stopped = []
    for _ in range(count):
        warm()
        limits = MemoryLimits(reserve_bytes=settle() - HEALTHY_BYTES - HEALTHY_MARGIN_BYTES, plan_bytes=HEALTHY_BYTES)
        end = keep(folder, limits, take(HEALTHY_BYTES - (48 << 20), 100 * GIB))
        if end.record is not None:
            stopped.append(f"{end.record['kind']}, ours: {end.record['ours']}")
    print(f"{len(stopped)} of {count} healthy starts were stopped {stopped or ''}")


def cost(folder: Path) -> None:
    settings = Settings(log=str(folder / "log"), limits=MemoryLimits(reserve_bytes=1)).to_json()
    command = [sys.executable, "-I", "-S", SUPERVISOR, settings, "--", "sleep", "600"]
    supervisor = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    time.sleep(1.0)
    before = cpu_s(supervisor.pid)
    time.sleep(COST_S)
    share = (cpu_s(supervisor.pid) - before) / COST_S
    rss = next(line for line in Path(f"/proc/{supervisor.pid}/status").read_text().splitlines() if "VmRSS" in line)
    assert supervisor.stdin is not None
    supervisor.stdin.close()
    supervisor.wait()
    print(f"supervisor and guard at 10 Hz: {share:.2%} of one core, {int(rss.split()[1]) / 1024:.1f} MiB resident")


def cpu_s(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        {"hogs": hogs, "healthy": healthy, "cost": cost}[sys.argv[1]](Path(place), *map(int, sys.argv[2:]))
