"""What onbox's own eyes see of real GPUs, and what that costs: to be run on a box with one or more NVIDIA GPUs.

Five experiments, each of which prints lines beginning with its name, and writes all of them to a file:

    box      each GPU by onbox's own read kernel, beside the maker's number
    guard    an allocation of known size on each GPU, as the guard's sampler sees it, and what one look costs
    watcher  resident memory (limit 60 MB) and processor time of `onbox watch` at its own pace, and of the sampler of
             `onbox speed` at ten looks a second, over processes that hold GPU memory
    spin     a kernel that never ends, in a process that serves nothing: `onbox watch --record` records it, and the
             recording is replayed: what is said of a hang inside a kernel?
    stop     the same process stopped by a signal while its kernel spins

    PYTHONPATH=src python bench/gpu_ten_minutes.py [--out FOLDER] [--seconds 60] [box guard watcher spin stop]

Needs what onbox needs, and the driver; torch is used by nothing here: kernels are PTX text that the driver compiles.
"""

import argparse
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MIB = 1 << 20
HELD_BYTES = 3 << 30
LIMIT_MB = 60.0
LOOKS = 300

SPIN_PTX = b"""
.version 6.0
.target sm_50
.address_size 64
.visible .entry spin(.param .u64 p_stop)
{
    .reg .pred %on;
    .reg .b32 %seen;
    .reg .b64 %stop;
    ld.param.u64 %stop, [p_stop];
    cvta.to.global.u64 %stop, %stop;
AGAIN:
    ld.volatile.global.u32 %seen, [%stop];
    setp.eq.u32 %on, %seen, 0;
    @%on bra AGAIN;
    ret;
}
"""


def hold(device: int, held_bytes: int, spins: bool) -> None:
    """In a process of its own: take memory of a device, say so, and wait; or start a kernel that never ends."""
    cuda = ctypes.CDLL("libcuda.so.1")

    def call(name: str, *arguments: Any) -> None:
        code = getattr(cuda, name)(*arguments)
        if code != 0:
            raise SystemExit(f"{name}: {code}")

    handle, context, pointer = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_uint64()
    call("cuInit", 0)
    call("cuDeviceGet", ctypes.byref(handle), device)
    call("cuDevicePrimaryCtxRetain", ctypes.byref(context), handle)
    call("cuCtxSetCurrent", context)
    print("context", flush=True)
    sys.stdin.readline()
    call("cuMemAlloc_v2", ctypes.byref(pointer), ctypes.c_size_t(held_bytes))
    call("cuMemsetD32_v2", pointer, ctypes.c_uint(0), ctypes.c_size_t(held_bytes // 4))
    call("cuCtxSynchronize")
    print("held", flush=True)
    sys.stdin.readline()
    if spins:
        module, kernel = ctypes.c_void_p(), ctypes.c_void_p()
        call("cuModuleLoadData", ctypes.byref(module), ctypes.c_char_p(SPIN_PTX))
        call("cuModuleGetFunction", ctypes.byref(kernel), module, ctypes.c_char_p(b"spin"))
        arguments = (ctypes.c_void_p * 1)(ctypes.addressof(pointer))
        call("cuLaunchKernel", kernel, 1, 1, 1, 32, 1, 1, 0, None, arguments, None)
        print("spins", flush=True)
        call("cuCtxSynchronize")  # never comes back: the process waits for its kernel, as a hung engine does
    sys.stdin.readline()


@contextmanager
def holder(device: int, held_bytes: int = HELD_BYTES, spins: bool = False) -> Iterator[tuple[int, Callable[[], str]]]:
    """(pid, the next step: what the process said of it)."""
    words = [sys.executable, __file__, "--hold", str(device), str(held_bytes), str(int(spins))]
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    stdin, stdout = child.stdin, child.stdout

    def step() -> str:
        stdin.write("\n")
        stdin.flush()
        return stdout.readline().strip()

    try:
        assert stdout.readline().strip() == "context", "the driver refuses: see above"
        yield child.pid, step
    finally:
        child.kill()
        child.wait()


class Report:
    """Prints lines and keeps them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._file = (folder / "gpu_ten_minutes.txt").open("a")

    def line(self, text: str) -> None:
        print(text, flush=True)
        self._file.write(text + "\n")
        self._file.flush()


def look_at_box(report: Report) -> None:
    """Each device by name, number and bandwidth."""
    from onbox import box
    from onbox.box.gpu_selection import named

    began = time.monotonic()
    here = box.describe()
    report.line(f"box: {named(here.accelerators) or 'no GPU'}, looked at in {time.monotonic() - began:.1f} s")
    for each in here.bandwidths:
        share = f", {each.read_gb_s / each.nominal_gb_s:.1%} of {each.nominal_gb_s:g}" if each.nominal_gb_s else ""
        clock = f", {each.clock_mhz:.0f} MHz" if each.clock_mhz else ""
        report.line(f"box: {each.device} (index {each.index}): {each.read_gb_s:.1f} GB/s{share}{clock}")
    for device in here.accelerators:
        report.line(f"box: gpu {device.index}: unified {device.unified}, MIG {device.mig}, bus {device.pci_bus_id}")
    (report.folder / "box.json").write_text(json.dumps(here.as_dict(), indent=1, default=str))


def look_by_guard(report: Report) -> None:
    """What the guard's sampler sees of an allocation of known size, on each device."""
    from onbox.supervisor.gpu_memory import open_nvml
    from onbox.supervisor.memory_sampler import MemorySampler

    gpu = open_nvml()
    assert gpu is not None, "no NVIDIA driver here"
    for number in range(len(gpu.moments())):
        with holder(number) as (pid, step):
            memory = MemorySampler({os.getpid()}, unified=False, gpu=gpu)
            before = memory.sample(0.0, "", closely=True)
            step()
            after = memory.sample(1.0, "", closely=True)
            held = [(each.number, (each.used_bytes or {}).get(pid)) for each in gpu.moments()]
            cost, began = time.process_time(), time.monotonic()
            for look in range(LOOKS):
                memory.sample(2.0 + look, "", closely=True)
            cost, wall = time.process_time() - cost, time.monotonic() - began
            grown = None if None in (before.gpu_bytes, after.gpu_bytes) else after.gpu_bytes - before.gpu_bytes  # type: ignore[operator]
            report.line(f"guard: {HELD_BYTES} bytes taken on CUDA device {number} by pid {pid}: grown by {grown}")
            report.line(f"guard: by device {held}")
            report.line(
                f"guard: a close look costs {cost / LOOKS * 1e3:.2f} ms of processor, {wall / LOOKS * 1e3:.2f} ms"
            )
    gpu.close()


def resident_mb(pid: int) -> float:
    """Resident memory now, MB of 10^6 bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_s(pid: int) -> float:
    """Processor time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def look_by_watch(report: Report, seconds: float) -> None:
    """What watching costs: the watcher as a process, and the sampler of a measurement in one."""
    with holder(0) as (pid, step):
        step()
        record = report.folder / "holder.jsonl"
        words = [sys.executable, "-m", "onbox", "watch", "--pid", str(pid), "--record", str(record), "--json"]
        watch = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        most, started = 0.0, 0.0
        began = time.monotonic()
        while time.monotonic() - began < seconds and watch.poll() is None:
            time.sleep(0.5)
            if watch.poll() is None:
                most = max(most, resident_mb(watch.pid))
                if not started and time.monotonic() - began > 5:
                    started, at = cpu_s(watch.pid), time.monotonic()
        used = (cpu_s(watch.pid) - started) / (time.monotonic() - at) if watch.poll() is None and started else None
        watch.send_signal(signal.SIGINT)
        watch.wait(30)
        verdict = "under" if 0 < most < LIMIT_MB else "NOT under"
        report.line(f"watcher: onbox watch: {most:.1f} MB resident at most, {verdict} {LIMIT_MB:g} MB")
        report.line("watcher: onbox watch: " + ("ended early" if used is None else f"{used:.2%} of a processor"))
        monitor = (
            "import time\nfrom onbox.speed.monitor import Monitor\n"
            "with Monitor() as m:\n"
            f"    a=time.process_time(); time.sleep({seconds / 2:g}); b=time.process_time()\n"
            "    n=len(m.fetch()); late=0\n"
            # Not ru_maxrss, which keeps what the process before the exec held.
            "most=next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
            "print(n, b-a, int(most)*1024/1e6, m.accelerators)"
        )
        done = subprocess.run([sys.executable, "-c", monitor], capture_output=True, text=True, check=False)
        if done.returncode:
            report.line(f"watcher: sampler of onbox speed: {done.stderr[-300:]}")
            return
        looks, cost, rss, gpus = done.stdout.split()
        report.line(
            f"watcher: sampler of onbox speed: {looks} looks at {gpus} GPUs in {seconds / 2:g} s,"
            f" {float(cost) / (seconds / 2):.2%} of a processor, {float(rss):.1f} MB with CUDA's driver loaded"
        )


def look_at_spin(report: Report, seconds: float, stopped: bool) -> None:
    """A kernel that never ends, recorded and replayed."""
    name = "stop" if stopped else "spin"
    record = report.folder / f"{name}.jsonl"
    with holder(0, spins=True) as (pid, step):
        step()
        words = [sys.executable, "-m", "onbox", "watch", "--pid", str(pid), "--record", str(record)]
        log = (report.folder / f"{name}.txt").open("w")
        watch = subprocess.Popen(words, stdout=log, stderr=log)
        time.sleep(seconds / 4)  # the healthy part: memory is taken, nothing runs
        report.line(f"{name}: the process says {step()!r} after {seconds / 4:g} s")
        if stopped:
            time.sleep(seconds / 4)
            os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        if stopped:
            os.kill(pid, signal.SIGCONT)
        watch.send_signal(signal.SIGINT)
        watch.wait(30)
    replayed = subprocess.run(
        [sys.executable, "-m", "onbox", "watch", "--replay", str(record)], capture_output=True, text=True, check=False
    )
    (report.folder / f"{name}-replay.txt").write_text(replayed.stdout + replayed.stderr)
    for line in (replayed.stdout + replayed.stderr).splitlines()[-12:]:
        report.line(f"{name}: {line}")


def main() -> None:
    """Run the experiments that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiments", nargs="*", default=["box", "guard", "watcher", "spin", "stop"])
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", "gpu-ten-minutes")))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--hold", nargs=3, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.hold:
        hold(options.hold[0], options.hold[1], bool(options.hold[2]))
        return
    report = Report(options.out)
    looks: dict[str, Callable[[], None]] = {
        "box": lambda: look_at_box(report),
        "guard": lambda: look_by_guard(report),
        "watcher": lambda: look_by_watch(report, options.seconds),
        "spin": lambda: look_at_spin(report, options.seconds * 2, stopped=False),
        "stop": lambda: look_at_spin(report, options.seconds, stopped=True),
    }
    for name in options.experiments:
        try:
            looks[name]()
        except Exception as error:  # the others are worth their minutes all the same
            report.line(f"{name}: FAILED: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
