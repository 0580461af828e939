"""What a guard would have done with a start that a watch has recorded: the guard's own code, on what the watch saw.

A watch looks once a second, and at all resident memory; a guard looks ten to fifty times a second, and leaves out
mapped files. So a real guard may have acted up to a second earlier, and on a dip between two looks, which this one does
not see.
"""

from typing import Any, NamedTuple

from onbox.schema.units import gib
from onbox.supervisor.guard import Alarm, Guard, MemorySample
from onbox.supervisor.settings import MemoryLimits
from onbox.watch.samples import Gpu, Machine, Process, WatchSample


class ReplayedStop(NamedTuple):
    """The look at which the guard would have stopped the engine, and why."""

    look: MemorySample
    alarm: Alarm


class GuardReplay:
    """One guard along one recording; after its stop it looks at nothing more.

    Args:
        limits: the reserve, and what the engine was expected to hold.
    """

    def __init__(self, limits: MemoryLimits) -> None:
        self.limits = limits
        self.stop: ReplayedStop | None = None
        self._guard = Guard(limits)
        self._processes: tuple[Process, ...] = ()
        self._gpus: tuple[Gpu, ...] = ()

    def take(self, sample: WatchSample, phase: str) -> None:
        """Take in a sample of the recording, in the phase that it was taken for."""
        self._processes = self._processes if sample.processes is None else sample.processes
        self._gpus = self._gpus if sample.gpus is None else sample.gpus
        self._guard.serving = phase == "serving"
        if self.stop is not None or sample.machine is None:
            return
        look = self._memory_sample(sample.t_ns / 1e9, sample.machine, phase)
        if alarm := self._guard.check(look):
            self.stop = ReplayedStop(look, alarm)

    def as_json(self) -> dict[str, Any]:
        """For `evidence.guard` of `onbox watch --json`; bytes, and seconds since the watch began."""
        stop = None
        if self.stop is not None:
            look, alarm = self.stop
            stop = {
                "t": round(look.t_s, 3),
                "phase": look.phase,
                "kind": alarm.kind,
                "ours": alarm.ours,
                "available_bytes": look.available_bytes,
                "held_bytes": look.own_bytes,
                "fall_bytes_s": round(alarm.fall_bytes_s),
            }
        return {
            "reserve_bytes": self.limits.reserve_bytes,
            "plan_bytes": self.limits.plan_bytes,
            "available_min_bytes": self._guard.lowest_bytes,
            "stop": stop,
        }

    def words(self) -> str:
        """The same in one line."""
        reserve = f"reserve {gib(self.limits.reserve_bytes)}"
        if self.stop is None:
            lowest = self._guard.lowest_bytes
            least = "no look at the memory" if lowest is None else f"{gib(lowest)} available at least"
            return f"would not have stopped it: {least}, {reserve}"
        look, alarm = self.stop
        fell = f" and falling {gib(alarm.fall_bytes_s)}/s" if alarm.fall_bytes_s else ""
        planned = "" if self.limits.plan_bytes is None else f" of {gib(self.limits.plan_bytes)} planned"
        held = f"it held {gib(look.own_bytes or 0)}{planned}" + ("" if alarm.ours else "; others took the rest")
        return (
            f"would have stopped it at {look.t_s:.1f} s, in {look.phase}: "
            f"{gib(look.available_bytes)} available{fell}, {reserve}; {held}"
        )

    def _memory_sample(self, t_s: float, machine: Machine, phase: str) -> MemorySample:
        """As the supervisor's `Memory` does: GPU memory is the engine's share of the host's only where that is one."""
        gpu = sum(each.held_bytes or 0 for each in self._gpus)
        own = sum(each.rss_bytes for each in self._processes) + (gpu if self.limits.unified else 0)
        return MemorySample(
            t_s, machine.available_bytes, own, gpu if self._gpus else None, machine.memory_full_s, phase
        )
