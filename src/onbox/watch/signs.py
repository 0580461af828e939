"""From samples to signs of progress: what moved, how fast, and since when what stands still.

`Signs` folds samples one by one and looks at nothing else, so that a recording gives what the live look gave.
"""

from collections import deque

from onbox.watch.bursts import Bursts
from onbox.watch.compilers import COMPILERS, KernelPhase, compile_kernels
from onbox.watch.deltas import CounterDeltas
from onbox.watch.progress_estimate import ProgressEstimate
from onbox.watch.rolling_rate import RollingRate
from onbox.watch.samples import Gpu, Machine, Process, Socket, Threads, TokenCounts, WatchSample

SPAN_S = 5.0
"""Rates are means over this trailing span."""
WORK_CPU = 0.05
"""Seconds of processor a second from which faults, calls or new processes count as work."""
WORK_FAULTS = 100.0
WORK_CALLS = 100.0
SPIN_CPU = 0.1
"""Processor time alone, from here on, is a spin: it may compute, and it may wait in a circle."""
ASLEEP_CPU = 0.05
GPU_SMALL_W = 50.0
"""A device that was seen below this is one of tens of watts, such as a GB10."""
GPU_WORKS_W = 35.0
"""A GB10 that decodes draws 44 to 50 W, one with a wedged kernel 13 to 27, an idle one 3 to 11."""
GPU_WORKS_ABOVE_LOWEST = 2.0
"""For larger devices, the multiple of the lowest power seen in this watch that is work.

An H100 was seen at 85 W before its memory was taken, 119 W after, 121 W under a kernel that never ends, 385 W at work.
"""
GPU_CONTRAST = 1.5
"""What the highest power seen must be of the lowest, before a larger device is judged by it at all."""

UNITS = {"work": "s/s", "bursts": "1/s", "births": "1/s", "log": "lines/s", "tokens": "1/s", "gpu": "W"}
"""Of the rate of each sign; bytes a second where it is not named."""
MOVES_FROM = {
    "work": WORK_CPU,
    "read": 32e3,
    "write": 32e3,
    "received": 64.0,
    "calls": 32e3,
    "memory": 400e3,
    "gpu memory": 400e3,
    "births": 0.1,
    "bursts": 0.01,
    "log": 1e-9,
    "cache": 1e3,
    "tokens": 1e-9,
}
"""Rates below these are the noise of something that only waits."""
NOISE_SHARE = 0.1
"""A tick keeps a sign moving if it alone reaches this share of the rate from which it moves."""


class Signs:
    """The state after the samples taken so far. Times are seconds since the watch began."""

    def __init__(self) -> None:
        self.t_s = 0.0
        self.tick_s = 0.0
        """Between the last two samples."""
        self.rates: dict[str, float] = {}
        """Sign -> its mean over the trailing span."""
        self.moved_s: dict[str, float] = {}
        """Sign -> when it last moved; one that never did is missing."""
        self.spin = 0.0
        """Processor seconds a second that come with neither faults, calls nor new processes."""
        self.processes: tuple[Process, ...] = ()
        self.threads: Threads | None = None
        self.asleep_since_s: float | None = None
        """Since when every look found each thread asleep and hardly any processor time was used."""
        self.switches_s: float | None = None
        """Context switches a second, of all threads."""
        self.sockets: tuple[Socket, ...] = ()
        self.machine: Machine | None = None
        self.stalls: dict[str, float] = {}
        """Share of the trailing span in which the box stood still for want of `cpu`, `io`, `memory` or `quota`."""
        self.gpus: tuple[Gpu, ...] = ()
        self.gpu_idle_since_s: float | None = None
        """Since when no device works on which the set holds memory; None where it holds none, or nobody can tell."""
        self.tokens: TokenCounts | None = None
        self.frozen_since_s: float | None = None
        """Since when requests run and no counter of the engine moves."""
        self.log_followed = False
        self.last_line = ""
        self.ptx_compiler = False
        """Whether the driver's compiler of PTX was seen in a process of the set."""
        self.stacks = ""
        self.same_stacks_since_s: float | None = None
        self.stacks_s: float | None = None
        """When they were last taken."""
        self.compiling = ""
        """The source file that compilers among the members work on, where their command line tells."""
        self.kernels = KernelPhase()
        self.bursts = Bursts()
        self.course = ProgressEstimate()
        """How far the current step is."""
        self.held_bytes = 0
        """Resident memory of the set and what it holds on devices."""
        self.cannot: tuple[str, ...] = ()
        self.ended = False
        self.exit_code: int | None = None
        self._counters = CounterDeltas()
        self._trailing = RollingRate(SPAN_S)
        self._stalled: deque[tuple[float, dict[str, float]]] = deque()
        self._births = 0
        self._throttled_s: list[float] = []
        self._watts: dict[int, tuple[float, float]] = {}
        """Device -> the lowest and the highest power seen."""
        self._threads_s = 0.0

    def take(self, sample: WatchSample) -> None:
        """Take in the next sample."""
        self.t_s, self.tick_s = sample.t_ns / 1e9, sample.t_ns / 1e9 - self.t_s
        self.ended, self.exit_code = sample.ended, sample.exit_code
        self.cannot = self.cannot if sample.cannot is None else sample.cannot
        grown = self._counters.take(sample)
        if sample.births is not None:
            grown["births"] = max(0, sample.births - self._births)
            self._births = sample.births
        self._take_state(sample)
        self._take_growth(grown)
        self._take_threads(sample)
        self._take_machine(sample)
        self._take_gpus(sample)
        self._take_tokens(sample)
        self._take_stacks(sample)
        self.ptx_compiler = self.ptx_compiler or sample.ptx_compiler
        self.course.take(sample, self.t_s)

    # ------------------------------------------------------------ what moves

    def still_s(self, uses: frozenset[str]) -> float:
        """For how long none of these signs moved."""
        return self.t_s - max((self.moved_s.get(name, 0.0) for name in uses), default=0.0)

    def moving(self, uses: frozenset[str]) -> dict[str, float]:
        """Those of these signs that moved within the trailing span, with their rates, the strongest first."""
        found = {
            name: self.rates.get(name, 0.0)
            for name in uses
            if self.t_s - self.moved_s.get(name, -SPAN_S) < SPAN_S and self.rates.get(name, 0.0) > 0
        }
        return dict(sorted(found.items(), key=lambda each: each[1] / MOVES_FROM.get(each[0], 1.0), reverse=True))

    @property
    def compilers(self) -> tuple[str, ...]:
        """Compilers among the members."""
        return tuple(sorted({each.name for each in self.processes if each.name in COMPILERS}))

    @property
    def paused(self) -> str:
        """The first member that a signal stopped; empty where none is."""
        return next((f"{each.name} ({each.pid})" for each in self.processes if each.state in "Tt"), "")

    def _take_state(self, sample: WatchSample) -> None:
        self.processes = self.processes if sample.processes is None else sample.processes
        self.sockets = self.sockets if sample.sockets is None else sample.sockets
        self.gpus = self.gpus if sample.gpus is None else sample.gpus
        self.compiling = self.compiling if sample.compiling is None else sample.compiling
        self.kernels.take(compile_kernels(self.processes), self.t_s)
        self.log_followed = self.log_followed or sample.log_bytes is not None
        if sample.log:
            self.last_line = sample.log[-1]
        if sample.processes is not None or sample.gpus is not None:
            resident = sum([each.rss_bytes for each in self.processes])
            self.held_bytes = resident + sum([each.held_bytes or 0 for each in self.gpus])

    def _take_growth(self, grown: dict[str, float]) -> None:
        tick_s = max(self.tick_s, 1e-3)
        if "cpu" in grown:
            # Processor time is work only with something that waiting in a circle does not do.
            grown["work"] = grown["cpu"] if _works(grown, NOISE_SHARE * tick_s) else 0.0
            grown["bursts"] = float(self.bursts.take(self.t_s, grown["cpu"]))
        self._trailing.add(self.t_s, grown)
        self.rates = self._trailing.rates()
        if not _works(self.rates, 1.0):
            self.rates["work"] = 0.0
        self.spin = 0.0 if self.rates.get("work") else self.rates.get("cpu", 0.0)
        for name, amount in grown.items():
            needed = MOVES_FROM.get(name)
            if needed is not None and amount >= NOISE_SHARE * needed * tick_s and self.rates.get(name, 0.0) >= needed:
                self.moved_s[name] = self.t_s

    # ------------------------------------------------------------ what stands still

    def _take_threads(self, sample: WatchSample) -> None:
        if self.rates.get("cpu", 0.0) > ASLEEP_CPU:
            self.asleep_since_s = None
        if sample.threads is None:
            return
        before, since, self._threads_s = self.threads, self._threads_s, self.t_s
        self.threads = sample.threads
        if before is not None and self.t_s > since:
            self.switches_s = max(0, sample.threads.switches - before.switches) / (self.t_s - since)
        busy = sample.threads.running > 0 or sample.threads.waiting > 0 or self.rates.get("cpu", 0.0) > ASLEEP_CPU
        if busy or sample.threads.total == 0:
            self.asleep_since_s = None
        elif self.asleep_since_s is None:
            # Since the look before, but not from before anything moved: in between the counters vouch for it.
            self.asleep_since_s = max(since, *self.moved_s.values(), 0.0)

    def _take_machine(self, sample: WatchSample) -> None:
        if sample.groups is not None:
            self._throttled_s = [each.throttled_s for each in sample.groups if each.throttled_s is not None]
        if sample.machine is None:
            return
        self.machine = sample.machine
        quota = self._throttled_s
        readings = {
            "cpu": sample.machine.cpu_some_s,
            "io": sample.machine.io_full_s,
            "memory": sample.machine.memory_full_s,
            "quota": sum(quota) if quota else None,
        }
        self._stalled.append((self.t_s, {name: value for name, value in readings.items() if value is not None}))
        while len(self._stalled) > 2 and self._stalled[1][0] <= self.t_s - 2 * SPAN_S:
            self._stalled.popleft()
        begin, first = self._stalled[0]
        last = self._stalled[-1][1]
        if self.t_s - begin >= SPAN_S:
            self.stalls = {
                name: max(0.0, last[name] - first[name]) / (self.t_s - begin) for name in last if name in first
            }

    def _take_gpus(self, sample: WatchSample) -> None:
        if sample.gpus is None:
            return
        works = holds = False
        for gpu in sample.gpus:
            if gpu.power_w is None:
                continue
            low, high = self._watts.get(gpu.number, (gpu.power_w, gpu.power_w))
            low, high = self._watts[gpu.number] = min(low, gpu.power_w), max(high, gpu.power_w)
            if gpu.held_bytes and (low < GPU_SMALL_W or high >= GPU_CONTRAST * low):
                holds = True
                works = works or gpu.power_w >= (GPU_WORKS_W if low < GPU_SMALL_W else GPU_WORKS_ABOVE_LOWEST * low)
        if works:
            self.moved_s["gpu"] = self.t_s
            self.rates["gpu"] = max(each.power_w or 0.0 for each in sample.gpus)
        if works or not holds:
            self.gpu_idle_since_s = None
        elif self.gpu_idle_since_s is None:
            self.gpu_idle_since_s = self.t_s

    def _take_tokens(self, sample: WatchSample) -> None:
        if sample.tokens is None:
            return
        self.tokens = sample.tokens
        moved = self.moved_s.get("tokens", -1.0) == self.t_s
        if moved or sample.tokens.running + sample.tokens.waiting <= 0:
            self.frozen_since_s = None
        elif self.frozen_since_s is None:
            self.frozen_since_s = self.t_s

    def _take_stacks(self, sample: WatchSample) -> None:
        if sample.stacks is None:
            return
        if sample.stacks != self.stacks:
            self.same_stacks_since_s = self.t_s
        self.stacks, self.stacks_s = sample.stacks, self.t_s


def _works(counted: dict[str, float], scale: float) -> bool:
    """Whether processor time comes with what waiting in a circle does not do: faults, calls, new processes."""
    return (
        counted.get("faults", 0.0) >= WORK_FAULTS * scale
        or counted.get("syscalls", 0.0) >= WORK_CALLS * scale
        or counted.get("births", 0.0) > 0
    )
