"""Looks at the box ten times a second while a block runs: sleep, stalls, swapping, accelerators, and onbox itself."""

import threading
import time
from pathlib import Path
from types import TracebackType

from onbox.box.gpus import Accelerator, GpuWatch
from onbox.evidence.records import GpuMoment, Moment

EVERY_S = 0.1
PROC = Path("/proc")
RESOURCES = ("cpu", "io", "memory")


class Monitor:
    """A thread that takes moments and keeps them until somebody fetches them, so that it writes no file itself.

    Args:
        every_s: from one look to the next.
    """

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._watch = GpuWatch()
        self._ended = threading.Event()
        self._moments: list[Moment] = []
        self._thread = threading.Thread(target=self._sample_until_ended, name="onbox monitor", daemon=True)
        self.accelerators: int | None = None
        """How many this box has; None when that cannot be seen."""

    def __enter__(self) -> "Monitor":
        self._watch.__enter__()
        self._moments.append(self._moment(0.0))
        self.accelerators = len(self._moments[0].gpus) if self._watch.knows_devices else None
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._moments.append(self._moment(0.0))
        self._watch.__exit__(kind, error, trace)

    def fetch(self) -> list[Moment]:
        """The moments since the last time, oldest first."""
        taken, self._moments = self._moments, []
        return taken

    def _sample_until_ended(self) -> None:
        due = time.monotonic() + self._every_s
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            now = time.monotonic()
            self._moments.append(self._moment(now - due))
            # A look that came late moves those after it, and is not made up for by two at once.
            due = max(due + self._every_s, time.monotonic())

    def _moment(self, late_s: float) -> Moment:
        return Moment(
            t_ns=time.monotonic_ns(),
            late_s=round(max(0.0, late_s), 6),
            asleep_ns=_asleep_ns(),
            stalled_us=_stalled_us(),
            swapped_pages=_swapped_pages(),
            gpus=tuple(_gpu(device) for device in self._watch.read()),
        )


def _asleep_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def _stalled_us() -> dict[str, int]:
    """Totals of pressure stall information, `some` of each resource."""
    found = {}
    for resource in RESOURCES:
        try:
            some = (PROC / "pressure" / resource).read_text().split("\n", 1)[0]
        except OSError:
            continue
        found[resource] = int(some.rpartition("total=")[2])
    return found


def _swapped_pages() -> int | None:
    try:
        lines = (PROC / "vmstat").read_text().splitlines()
    except OSError:
        return None
    counts = [int(line.split()[1]) for line in lines if line.startswith(("pswpin ", "pswpout "))]
    return sum(counts) if counts else None


def _gpu(device: Accelerator) -> GpuMoment:
    return GpuMoment(
        index=device.index,
        sm_clock_mhz=device.sm_clock_mhz,
        sm_clock_max_mhz=device.sm_clock_max_mhz,
        power_w=device.power_w,
        temperature_c=device.temperature_c,
        throttle_reasons=device.throttle_reasons,
        pids=None if device.processes is None else tuple(process.pid for process in device.processes),
    )
