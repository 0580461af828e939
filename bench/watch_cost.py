"""What watcher and guard cost: processor time as a share of one core, and resident memory.

An engine of several processes and threads stands up as long as the measurement takes: it allocates, writes to its log
and starts children, so that every source has something to read. The supervisor with its guard (10 looks a second) runs
beside it as it does for a real engine; the watcher looks from a process of its own and records what it sees:

    python bench/watch_cost.py [--rate 10] [--seconds 30] [--processes 4] [--threads 40]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from onbox.supervisor import SUPERVISOR
from onbox.supervisor.settings import MemoryLimits, Settings

ENGINE = """
import subprocess, sys, threading, time
processes, threads = int(sys.argv[1]), int(sys.argv[2])
for _ in range(threads): threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
others = [subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"]) for _ in range(processes - 1)]
held = []
while True:
    held.append(bytearray(100_000))
    print("Loading shards", len(held), "/ 100000", flush=True)
    subprocess.run(["/bin/true"])
    time.sleep(0.5)
"""

WATCHER = """
import json, os, sys, time
from pathlib import Path
from onbox.watch.collect import Collector, Target
from onbox.watch.logs import FileLog
from onbox.watch.machine import cache_folders
from onbox.watch.recording import Header, Recorder
from onbox.watch.watcher import Tracker, Watcher
pid, folder, rate, seconds = int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
target = Target(pids=(pid,), log=FileLog(folder / "engine.log"), caches=cache_folders())
watcher = Watcher(Collector(target), Tracker(), Recorder(folder / "samples.jsonl", Header()))
watcher.tick()
began, spent, ticks = time.monotonic(), time.process_time(), 0
while time.monotonic() - began < seconds:
    time.sleep(max(0.0, began + (ticks + 1) / rate - time.monotonic()))
    verdict, sample = watcher.tick()
    ticks += 1
took = time.monotonic() - began
status = Path("/proc/self/status").read_text()
rss = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
print(json.dumps({
    "share": (time.process_time() - spent) / took, "rss_mb": rss / 1000, "ticks_s": ticks / took,
    "state": verdict.state, "processes": len(watcher.tracker.signs.processes),
    "recorded_mb_h": (folder / "samples.jsonl").stat().st_size / took * 3600 / 1e6,
}))
"""


def cpu_s(pid: int) -> float:
    """Processor time of the supervisor, which has one thread, to the nanosecond; its children are left out."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def rss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1000


def measure(rate: float, seconds: float, processes: int, threads: int) -> None:
    """Stand the engine up under supervisor, guard and watcher, and print what each cost."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(log=str(folder / "engine.log"), limits=MemoryLimits(reserve_bytes=1 << 28))
        supervisor = subprocess.Popen(
            [sys.executable, "-I", "-S", SUPERVISOR, settings.to_json(), "--",
             sys.executable, "-c", ENGINE, str(processes), str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert supervisor.stdin is not None
        assert supervisor.stdout is not None
        try:
            pid = json.loads(supervisor.stdout.readline())["pid"]
            time.sleep(2.0)
            before, began = cpu_s(supervisor.pid), time.monotonic()
            watcher = subprocess.run(
                [sys.executable, "-c", WATCHER, str(pid), name, str(rate), str(seconds)],
                stdout=subprocess.PIPE, check=True,
            )  # fmt: skip
            guard = (cpu_s(supervisor.pid) - before) / (time.monotonic() - began)
            guard_mb = rss_mb(supervisor.pid)
        finally:
            supervisor.stdin.close()
            supervisor.wait(30)
    told = json.loads(watcher.stdout)
    print(f"engine: {told['processes']} processes, {threads} threads; watcher: {told['ticks_s']:.1f} looks/s, "
          f"last verdict {told['state']}, {told['recorded_mb_h']:.1f} MB/h recorded")  # fmt: skip
    print("          core     memory")
    for label, share, size in (
        ("watcher", told["share"], told["rss_mb"]),
        ("guard", guard, guard_mb),
        ("together", told["share"] + guard, told["rss_mb"] + guard_mb),
    ):
        print(f"{label:9} {share:5.2%}   {size:5.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=10.0, help="looks a second of the watcher")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--threads", type=int, default=40)
    asked = parser.parse_args()
    measure(asked.rate, asked.seconds, asked.processes, asked.threads)


if __name__ == "__main__":
    main()
