"""The supervisor's loop: one engine, its log, its lifeline, its guard."""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from onbox.supervisor import container_end
from onbox.supervisor.gpu_memory import open_nvml
from onbox.supervisor.guard import REST_S, Alarm, Guard, MemorySample
from onbox.supervisor.log_stamper import LineStamper, Phases
from onbox.supervisor.memory_log import MemoryLog
from onbox.supervisor.memory_sampler import MemorySampler, command_of, descendants, largest_others, start_ticks
from onbox.supervisor.settings import Settings

GRACE_S = 8.0
REST_OF_LOG_S = 1.0
AFTER_KILL_S = 5.0
SETTLE_S = 3.0
OTHERS_NAMED = 5
SERVING = "serving"
OOM_SCORE = 500
"""Should the kernel have to choose a victim after all, the engine goes before the desktop."""
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def main(arguments: list[str]) -> int:
    """Start the command and stay until it is dead; the exit code is 0 whenever the end was reported."""
    settings, command = Settings.from_json(arguments[0]), arguments[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # A client of a container passes TERM on to it, and KILL on to nobody.
    signal_of_death = signal.SIGTERM if settings.container else signal.SIGKILL

    def prepare() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal_of_death, 0, 0, 0)
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write(str(OOM_SCORE))

    started = time.monotonic()
    phases = Phases(settings.landmarks)
    with open(settings.log, "ab", buffering=0) as log:
        try:
            engine = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=prepare,
            )
        except OSError as error:
            report(error=f"{command[0]}: {error.strerror}")
            return 0
        report(pid=engine.pid, started=start_ticks(engine.pid))
        engine_run = SupervisedEngine(settings, engine, LineStamper(log, started, phases), phases, started)
        how = engine_run.until_dead()
        engine_run.note(state="stopped", how=how, exit=engine.returncode)
        bring_back(settings)
        report(exit=engine.returncode, how=how)
    return 0


class SupervisedEngine:
    """One engine that lives.

    Args:
        settings: as told.
        engine: its process, the leader of its own group.
        log: takes its words.
        phases: where the stand-up is.
        started: monotonic time of the start.
    """

    def __init__(
        self, settings: Settings, engine: "subprocess.Popen[bytes]", log: LineStamper, phases: Phases, started: float
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._death = death_of(engine.pid)
        self._log = log
        self._phases = phases
        self._started = started
        self._roots = {os.getpid()}
        self._stay = self._stop_wanted = False
        self._lifeline_bytes = b""
        signal.signal(signal.SIGTERM, self._end_in_order)
        self._noted: dict[str, Any] = {}
        self._who = {name: {"pid": pid, "started": start_ticks(pid)} for name, pid in self._pids()}
        self.guard: Guard | None = None
        self.memory: MemorySampler | None = None
        self._memory_log = MemoryLog(settings.memory_file)
        if settings.limits:
            self.guard = Guard(settings.limits)
            self.memory = MemorySampler(self._roots, unified=settings.limits.unified, gpu=open_nvml())

    def until_dead(self) -> str:
        """Copy the log and guard until the engine is dead; return `died`, `asked`, `killed` or `guard`."""
        assert self._engine.stdout is not None
        output, lifeline = self._engine.stdout.fileno(), sys.stdin.fileno()
        watched, how, deadline = [output, lifeline], "died", float("inf")
        if self._death is not None:
            watched.append(self._death)
        look_at = time.monotonic()
        self.note(state="starting", served=False)
        readable: list[int] = []
        while not self._is_dead(readable):
            readable, _, _ = select.select(watched, [], [], max(0.0, min(look_at - time.monotonic(), REST_S)))
            if output in readable:
                data = os.read(output, 65_536)
                if data:
                    self._log.write(data)
                    self.note(phase=self._phases.phase)
                else:
                    watched.remove(output)
            else:
                self._log.idle()
                self.note(phase=self._phases.phase)
            if lifeline in readable and self._read_lifeline(lifeline):
                watched.remove(lifeline)
            if self._stop_wanted and how == "died" and self._engine.poll() is None:
                how, deadline = "asked", time.monotonic() + GRACE_S
                signal_group(self._engine.pid, signal.SIGTERM)
            if time.monotonic() >= look_at:
                if self._check_memory() is not None:
                    how, deadline = "guard", float("inf")
                look_at = time.monotonic() + (self.guard.interval_s() if self.guard else REST_S)
            if time.monotonic() > deadline:
                how, deadline = "killed", float("inf")
                self._kill()
        if how in ("died", "asked"):
            self._settle()
        self._kill()
        self._settle()
        if output in watched:
            self._copy_rest(output)
        self._log.end()
        if self._settings.container:
            container_end.remove(self._settings.container)
        return how

    def _is_dead(self, readable: list[int]) -> bool:
        """Whether the engine has ended; asked of the kernel only when it says so, where it can."""
        return (self._death is None or self._death in readable) and self._engine.poll() is not None

    # ------------------------------------------------------------ what onbox says

    def _read_lifeline(self, lifeline: int) -> bool:
        """Take in what onbox says; whether the lifeline has ended."""
        data = os.read(lifeline, 4096)
        *lines, self._lifeline_bytes = (self._lifeline_bytes + data).split(b"\n")
        for line in lines:
            word, _, rest = line.decode("utf-8", "replace").partition(" ")
            if word == "phase":
                self._phases.set(rest)
                if rest == SERVING and self.guard:
                    self.guard.serving = True
                served = rest == SERVING or self._noted.get("served", False)
                self.note(phase=rest, state=SERVING if rest == SERVING else "starting", served=served)
            elif word == "stay":
                self._stay = True
            elif word == "stop":
                self._stop_wanted = True
        self._stop_wanted |= not data and not self._stay
        return not data

    def _end_in_order(self, number: int, frame: FrameType | None) -> None:
        """SIGTERM is how `onbox down` says stop."""
        self._stop_wanted = True

    # ------------------------------------------------------------ guard

    def _check_memory(self) -> Alarm | None:
        if self.guard is None or self.memory is None:
            return None
        if self._settings.container and len(self._roots) == 1:
            pid = container_end.main_pid(self._settings.container)
            self._roots |= {pid} if pid else set()
        sample = self._sample()
        self._memory_log.take(sample)
        alarm = self.guard.check(sample)
        if alarm and sample.own_bytes is not None and not alarm.ours:
            # A child that is too young to be known may be what grows: look again before others are blamed.
            sample = self._sample()
            alarm = self.guard.check(sample)
        if alarm:
            self._stop_now(alarm, sample)
        return alarm

    def _sample(self) -> MemorySample:
        assert self.guard is not None
        assert self.memory is not None
        closely = self.guard.interval_s() < REST_S
        return self.memory.sample(time.monotonic() - self._started, self._phases.phase, closely=closely)

    def _stop_now(self, alarm: Alarm, sample: MemorySample) -> None:
        """Kill first; then write down what was seen, and what the kill did."""
        assert self.guard is not None
        assert self.memory is not None
        began = time.monotonic()
        holders = [
            {"pid": pid, "command": command_of(pid), "bytes": sum(held), "ours": True}
            for pid, held in sorted(self.memory.holdings.items(), key=lambda each: -sum(each[1]))
        ]
        self._kill()
        lowest, gone_s = sample.available_bytes, None
        while time.monotonic() - began < AFTER_KILL_S:
            after = self.memory.sample(time.monotonic() - self._started, "stopping", closely=True)
            self.guard.samples.append(after)
            lowest = min(lowest, after.available_bytes)
            if not self.memory.holdings:
                gone_s = time.monotonic() - began
                break
            time.sleep(0.01)
        holders += [
            {"pid": pid, "command": command_of(pid), "bytes": held, "ours": False}
            for pid, held in largest_others(self.memory.tree.pids | {os.getpid()}, OTHERS_NAMED)
        ]
        if self._settings.guard_file:
            trace = [[round(s.t_s, 3), *s[1:]] for s in self.guard.samples]
            limits = self.guard.limits._asdict()
            facts = {"available_bytes": sample.available_bytes, "own_bytes": sample.own_bytes, "phase": sample.phase}
            end = {"lowest_bytes": lowest, "gone_s": gone_s and round(gone_s, 3)}
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            found = {"at": at, **alarm._asdict(), **facts, "gpu_bytes": sample.gpu_bytes, **end}
            write_json(self._settings.guard_file, {**found, "limits": limits, "holders": holders, "trace": trace})
        self.note(alarm=alarm.kind)

    # ------------------------------------------------------------ the end

    def _kill(self) -> None:
        """SIGKILL to all that the engine is: its group, its container, and children that went their own way."""
        signal_group(self._engine.pid, signal.SIGKILL)
        for pid in descendants(self._roots):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if self._settings.container:
            container_end.kill(self._settings.container)
        self._reap()

    def _settle(self) -> None:
        """Wait a moment for what the engine leaves behind to end.

        Python's resource tracker outlives its engine by that moment, and removes shared memory that nobody else would;
        and what was killed takes a while to give its memory back.
        """
        deadline = time.monotonic() + SETTLE_S
        while descendants({os.getpid()}) and time.monotonic() < deadline:
            self._reap()
            time.sleep(0.02)

    def _reap(self) -> None:
        """Reap orphans, which the kernel gave to the supervisor; the engine itself is subprocess's to reap."""
        for pid in descendants({os.getpid()}) - {self._engine.pid}:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)

    def _copy_rest(self, output: int) -> None:
        """Copy what is left in the pipe; somebody who is not ours to kill may hold it open, and talk, for ever."""
        deadline = time.monotonic() + REST_OF_LOG_S
        while time.monotonic() < deadline and select.select([output], [], [], 0)[0]:
            data = os.read(output, 65_536)
            if not data:
                break
            self._log.write(data)

    def note(self, **facts: Any) -> None:
        """Keep the state file current; written only when something is new."""
        if self._settings.state_file is None or facts.items() <= self._noted.items():
            return
        self._noted |= facts
        with contextlib.suppress(OSError):
            write_json(self._settings.state_file, {**self._who, **self._noted})

    def _pids(self) -> tuple[tuple[str, int], ...]:
        return ("keeper", os.getpid()), ("engine", self._engine.pid)


def bring_back(settings: Settings, run: Callable[..., Any] = subprocess.Popen) -> None:
    """Start again what the engine had replaced."""
    for command in settings.afterwards:
        with contextlib.suppress(OSError):
            run(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )


def death_of(pid: int) -> int | None:
    """A descriptor that is readable when this child is dead; None on a kernel before 5.3."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def write_json(path: str, value: dict[str, Any]) -> None:
    """Write a file that a reader sees whole or not at all."""
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "w") as file:
        json.dump(value, file)
        file.write("\n")
    os.replace(temporary, path)


def signal_group(pid: int, number: int) -> None:
    """Signal the whole process group of the engine; it may be gone already."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def report(**fact: Any) -> None:
    """Tell onbox, which may be gone."""
    with contextlib.suppress(OSError):
        print(json.dumps(fact), flush=True)
