"""Makes samples: looks at everything that works for a stand-up, each source as often as it is worth.

The log is read in every tick, the counters of processes five times a second at most, what costs more less often, and a
walk of the cache folders as seldom as keeps it below a thousandth of a core. What this user may not read is said once
it changes.
"""

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import is_
from pathlib import Path

from onbox.engines.landmarks import Landmarks, failure_of
from onbox.supervisor.gpu_memory import Nvml, open_nvml
from onbox.watch import stacks
from onbox.watch.cgroups import Cgroups
from onbox.watch.compilers import COMPILERS, source_at_work
from onbox.watch.driver_compiler import ptx_compiler_loaded
from onbox.watch.engine_counters import MetricsServer
from onbox.watch.logs import KEPT_MAX, Log
from onbox.watch.machine import MachineReader, read_caches
from onbox.watch.members import Members
from onbox.watch.procfs import read_threads
from onbox.watch.samples import NO_DAEMON, Gpu, OpenFile, Process, WatchSample
from onbox.watch.sockets import SocketTable, out_of_the_set, read_descriptors

PROCESSES_S = 0.2
MEMBERS_S = 1.0
MACHINE_S = 1.0
SOCKETS_S = 1.0
GPUS_S = 2.0
SERVER_S = 2.0
THREADS_S = 5.0
CACHES_S = 2.0
CACHES_SHARE = 0.001
EARLY_S = 0.05
BIG_FILE_BYTES = 8 << 20


@dataclass(kw_only=True)
class Target:
    """What to look at."""

    pids: tuple[int, ...]
    log: Log | None = None
    server: MetricsServer | None = None
    cgroups: tuple[str, ...] = ()
    caches: tuple[Path, ...] = ()
    phase: str | None = None
    """The phase that it begins in, where the command says so."""
    exit_code: Callable[[], int | None] = lambda: None
    """The exit code once it ended, where somebody can know it."""
    landmarks: Landmarks | None = None
    makes_containers: bool = False
    """Containers that appear from now on are its own. Found out by the names of its processes where left out, which may
    be after its container has begun."""


class Collector:
    """Looks at a target, tick by tick.

    Args:
        target: what to look at.
        clock: seconds that only grow.
    """

    def __init__(self, target: Target, clock: Callable[[], float] = time.monotonic) -> None:
        self.target = target
        self._clock = clock
        self._start = clock()
        self._due: dict[str, float] = {}
        self._soonest = 0.0
        self._members = Members(target.pids)
        self._cgroups = Cgroups(target.cgroups, newcomers=target.makes_containers)
        self._machine = MachineReader()
        self._gpus = open_nvml()
        self._landmarks = target.landmarks or Landmarks()
        self._phase = target.phase
        self._cannot: tuple[str, ...] = ()
        self._last_processes: tuple[Process, ...] = ()
        self._compilers: tuple[tuple[int, str], ...] = ()
        self._compiling = ""
        self._serving = False
        self._py_spy = stacks.py_spy()
        self._no_stacks = ""
        self._inodes: dict[int, set[int]] = {}
        self._files: dict[int, dict[str, str]] = {}
        try:
            self._sockets: SocketTable | None = SocketTable()
        except OSError:
            self._sockets = None

    def sample(self) -> WatchSample:
        """One sample of now."""
        now = self._clock()
        sample = WatchSample(t_ns=int((now - self._start) * 1e9), phase=self._phase)
        self._phase = None
        if now >= self._soonest:
            self._sample_what_is_due(sample, now)
            self._soonest = min(self._due.values()) - EARLY_S
        self._read_log(sample)
        return sample

    def take_stacks(self) -> str | None:
        """Where the Python threads of the set are now; None where there are none to be seen."""
        if self._py_spy is None:
            self._no_stacks = stacks.MISSING
            return None
        processes = self._read_processes(self._clock())
        pythons = [each for each in processes if each.role != "daemon" and _may_be_python(each.pid, each.name)]
        looks = [(each, stacks.stacks_of(each.pid, self._py_spy)) for each in pythons]
        if any(text is None for _, text in looks):
            self._no_stacks = "py-spy may not look at every Python process of the set"
        texts = [f"{each.name} ({each.pid})\n{text}" for each, text in looks if text]
        return "\n".join(texts) or None

    def ptx_compiler_loaded(self) -> bool:
        """Whether the driver may be compiling kernels in a process of the set."""
        return ptx_compiler_loaded(each.pid for each in self._last_processes if each.role != "daemon")

    def close(self) -> None:
        self._members.close()
        self._machine.close()
        if self._sockets is not None:
            self._sockets.close()
        if self._gpus is not None:
            self._gpus.close()
        if self.target.log is not None:
            self.target.log.close()

    # ------------------------------------------------------------ looks

    def _sample_what_is_due(self, sample: WatchSample, now: float) -> None:
        if self._is_due("members", MEMBERS_S, now):
            self._members.refresh(self._cgroups.refresh())
            if self._members.makes_containers:
                self._cgroups.watch_newcomers()
        if self._is_due("processes", PROCESSES_S, now):
            self._sample_processes(sample, now)
        if self._is_due("machine", MACHINE_S, now):
            sample.machine = self._machine.read()
        if self._is_due("sockets", SOCKETS_S, now):
            self._sample_descriptors()
            self._sample_sockets(sample)
            sample.files = self._sample_files()
        if self._is_due("threads", THREADS_S, now):
            sample.threads = read_threads([each.pid for each in self._members])
        if self._gpus is not None and self._is_due("gpus", GPUS_S, now):
            sample.gpus = self._sample_gpus(self._gpus)
        if self.target.caches and now >= self._due.get("caches", 0.0):
            sample.cache = read_caches(self.target.caches)
            self._due["caches"] = now + max(CACHES_S, (self._clock() - now) / CACHES_SHARE)
        self._ask_server(sample, now)

    def _is_due(self, name: str, every_s: float, now: float) -> bool:
        """Whether a source is due; a little early is due too, lest a tick that comes early leaves it out."""
        if now < self._due.get(name, 0.0) - EARLY_S:
            return False
        self._due[name] = now + every_s
        return True

    def _sample_processes(self, sample: WatchSample, now: float) -> None:
        processes = self._read_processes(now)
        groups = self._cgroups.read() or None
        if (
            processes
            and groups is None
            and len(processes) == len(self._last_processes)
            and all(map(is_, processes, self._last_processes))
        ):
            # Not one of them was worth reading: what was seen before still holds.
            return
        self._last_processes = processes
        sample.processes, sample.groups, sample.births = processes, groups, self._members.births
        sample.compiling = self._sample_compilers(processes)
        roots = self._members.roots
        if not any(each.pid in roots and not each.ended for each in sample.processes):
            sample.ended, sample.exit_code = True, self.target.exit_code()
        cannot = self._what_cannot_be_read(sample.processes)
        if cannot != self._cannot:
            sample.cannot = self._cannot = cannot

    def _sample_compilers(self, processes: tuple[Process, ...]) -> str | None:
        """The file that is compiled now, where it is another one than at the last look."""
        found = tuple((each.pid, each.name) for each in processes if each.name in COMPILERS and each.state != "Z")
        # A process has its name before its command line: as long as that tells nothing it is asked for again.
        if found == self._compilers and (self._compiling or not found):
            return None
        self._compilers, before = found, self._compiling
        self._compiling = source_at_work(found)
        return None if self._compiling == before else self._compiling

    def _read_processes(self, now: float) -> tuple[Process, ...]:
        found = []
        for member in self._members:
            process = member.read(now)
            if process is None:
                self._members.remove(member.pid)
            else:
                found.append(process)
        return tuple(found)

    def _sample_descriptors(self) -> None:
        descriptors = {}
        self._files = {}
        for member in self._members:
            found = read_descriptors(member.pid)
            if found is not None:
                descriptors[member.pid] = found.sockets
                self._files[member.pid] = found.files
        self._inodes = descriptors

    def _sample_sockets(self, sample: WatchSample) -> None:
        inodes = set().union(*self._inodes.values())
        hidden = any(each.role == "daemon" and each.pid not in self._inodes for each in self._members)
        if self._sockets is None:
            return
        if not (inodes or hidden):
            sample.sockets = ()
            return
        try:
            connections = self._sockets.read()
        except OSError:
            self._sockets.close()
            self._sockets = None
            return
        if hidden:
            # Better to take another's bytes for the daemon's than to call it hung because it cannot be seen.
            inodes |= {each.inode for each in connections if each.uid == 0}
        sample.sockets = out_of_the_set(connections, inodes)

    def _sample_files(self) -> tuple[OpenFile, ...] | None:
        """Big files on the way from front to end: their place tells how far it is."""
        found = {}
        for pid, files in self._files.items():
            for number, path in files.items():
                try:
                    size = os.stat(f"/proc/{pid}/fd/{number}").st_size
                    if size < BIG_FILE_BYTES:
                        continue
                    with open(f"/proc/{pid}/fdinfo/{number}", "rb", buffering=0) as file:
                        at = int(file.read(64).split()[1])
                except (OSError, ValueError, IndexError):
                    continue
                if 0 < at <= size:
                    found[path] = OpenFile(os.path.basename(path), at, size)
        return tuple(found.values())

    def _sample_gpus(self, nvml: Nvml) -> tuple[Gpu, ...]:
        pids = {member.pid for member in self._members}
        samples = []
        for moment in nvml.moments():
            used = moment.used_bytes
            held = None if used is None else sum(count for pid, count in used.items() if pid in pids)
            samples.append(Gpu(moment.number, moment.power_w, moment.clock_mhz, held))
        return tuple(samples)

    def _ask_server(self, sample: WatchSample, now: float) -> None:
        server = self.target.server
        if server is None or not self._is_due("server", SERVER_S, now):
            return
        if not self._serving and server.up():
            self._serving = True
            sample.phase = "serving"
        if self._serving:
            sample.tokens = server.tokens()

    def _read_log(self, sample: WatchSample) -> None:
        if self.target.log is None:
            return
        lines = self.target.log.read()
        sample.log_bytes = self.target.log.total_bytes
        if not lines:
            return
        last = len(lines) - KEPT_MAX
        sample.log = tuple(
            line
            for index, line in enumerate(lines)
            if index >= last or self._landmarks.phase_of(line) is not None or failure_of(line) is not None
        )

    def _what_cannot_be_read(self, processes: Iterable[Process]) -> tuple[str, ...]:
        notes = []
        hidden = sorted({each.name for each in processes if each.chars is None})
        if hidden:
            notes.append(f"reads and writes of {', '.join(hidden)}: not ours to see")
        if self._members.daemons_missing:
            notes.append(NO_DAEMON)
        if self._sockets is None:
            notes.append("sockets: this kernel does not list them")
        if self._no_stacks:
            notes.append(self._no_stacks)
        return tuple(notes)


def _may_be_python(pid: int, name: str) -> bool:
    """By its name or its program; a name may have been set to anything."""
    try:
        program = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        program = name
    return program.startswith("python")
