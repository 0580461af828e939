"""Watch a stand-up: a process, a container, a command or a recording, moment by moment."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from onbox.errors import BadSubjectError, BoxError, UsageError
from onbox.input_files import kind_of_special
from onbox.launch.child_process import end_group, ended_with_onbox
from onbox.launch.containers import ContainerClient, find_container
from onbox.launch.guard_replay import GuardReplay
from onbox.supervisor.settings import MemoryLimits
from onbox.watch.cgroups import group_of
from onbox.watch.classify import Assessment, WatchState
from onbox.watch.collect import Collector, Target
from onbox.watch.engine_counters import MetricsServer
from onbox.watch.logs import FileLog, Log, PipeLog
from onbox.watch.machine import cache_folders
from onbox.watch.members import CLIENTS, DAEMONLESS
from onbox.watch.phases import phase_of_command
from onbox.watch.procfs import stat_of
from onbox.watch.recording import Header, Recorder, WatchRecording, refuse_other_file
from onbox.watch.recording_library import find_recording
from onbox.watch.watcher import PhaseSpan, Tracker, Watcher

TICK_S = 1.0
GRACE_S = 5.0


@dataclass(frozen=True, kw_only=True)
class WatchSpec:
    """What to watch: exactly one of pid, container, replay and command."""

    patience_s: float | None = None
    pid: int | None = None
    container: str | None = None
    replay: Path | None = None
    speed: float | None = None
    reserve_bytes: int | None = None
    """A guard of this reserve goes along a replay."""
    plan_bytes: int | None = None
    unified: bool = False
    url: str | None = None
    log: Path | None = None
    record: Path | None = None
    stop_hung: bool = False
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class WatchFrame:
    """One moment of a watch."""

    title: str
    verdict: Assessment
    laps: tuple[PhaseSpan, ...]
    lines: tuple[str, ...] = ()
    echo: bool = False
    """The lines are a command's own output, which nobody else shows."""
    guard: GuardReplay | None = None
    """Goes along a replay; it stops nothing."""

    def check(self) -> None:
        """Do nothing unless this last moment of a watch is a bad end.

        Raises:
            BadSubjectError: what was watched is dead or hung.
        """
        if self.verdict.state in (WatchState.DEAD, WatchState.HUNG):
            where, why = self.verdict.phase, self.verdict.why
            raise BadSubjectError(f"{self.title}: {self.verdict.state} in {where}: {why}")


def watch_startup(spec: WatchSpec) -> Generator[WatchFrame, None, None]:
    """The moments of a watch, one a second, until what is watched has ended; those of a recording at once.

    Closing the iterator ends the watch, and a command that it started.

    Raises:
        UsageError: not exactly one thing is named, or it is not there.
        BoxError: the command cannot be started.
    """
    named = [each for each in (spec.pid, spec.container, spec.replay, spec.command or None) if each is not None]
    if len(named) != 1:
        raise UsageError("name one thing to watch", "--pid N, --container X, --replay FILE, or -- CMD ...")
    if spec.stop_hung and not spec.command:
        raise UsageError("--stop-hung: only a command after -- can be stopped", "leave it out, or write -- CMD ...")
    _check_guard(spec)
    return _frames(spec)


def default_reserve_bytes(total_bytes: int) -> int:
    """What a guard would keep available on this box by default."""
    from onbox.box.describe import reserve_bytes
    from onbox.box.pressure import desktop_session

    return reserve_bytes(total_bytes, desktop_session())


def _frames(spec: WatchSpec) -> Generator[WatchFrame, None, None]:
    with ExitStack() as stack:
        yield from _replayed(spec) if spec.replay is not None else _live(spec, stack)


def _check_guard(spec: WatchSpec) -> None:
    """A guard that only looks is for recordings.

    Raises:
        UsageError: there is none, or there is no reserve to hold the memory against.
    """
    if spec.reserve_bytes is not None and spec.replay is None:
        raise UsageError(
            "--reserve: a guard is simulated only for a recording", "onbox up starts an engine under a real guard"
        )
    if spec.reserve_bytes is None and (spec.plan_bytes is not None or spec.unified):
        raise UsageError("--plan and --unified: need --reserve", "add --reserve GIB")


def _replayed(spec: WatchSpec) -> Iterator[WatchFrame]:
    assert spec.replay is not None
    recording = WatchRecording(find_recording(spec.replay))
    title = recording.header.title or spec.replay.name
    if recording.header.made != "recorded":
        title += f" ({recording.header.made})"
    tracker, guard = Tracker(spec.patience_s), None
    if spec.reserve_bytes is not None:
        guard = GuardReplay(MemoryLimits(spec.reserve_bytes, spec.plan_bytes, unified=spec.unified))
    start = time.monotonic()
    for sample in recording:
        if spec.speed:
            time.sleep(max(0.0, start + sample.t_ns / 1e9 / spec.speed - time.monotonic()))
        verdict = tracker.take(sample)
        if guard is not None:
            guard.take(sample, verdict.phase)
        yield WatchFrame(title, verdict, tuple(tracker.laps), sample.log, guard=guard)


def _live(spec: WatchSpec, stack: ExitStack) -> Iterator[WatchFrame]:
    child = None
    if spec.record:
        refuse_other_file(spec.record)
    if spec.log is not None and spec.log.exists() and (word := kind_of_special(spec.log.stat().st_mode)):
        raise UsageError(f"--log {spec.log}: is {word}, no file", "name the file that the process writes")
    if spec.command:
        child, target, title = _start(spec)
        stack.callback(end_group, child, GRACE_S)
    elif spec.container is not None:
        target, title = _container(spec.container, stack)
    else:
        assert spec.pid is not None
        target, title = _process(spec.pid)
    if spec.log is not None:
        target.log = FileLog(spec.log)
    if spec.url is not None:
        target.server = MetricsServer(spec.url)
    recorder = Recorder(spec.record, Header(title=title)) if spec.record else None
    watcher = Watcher(Collector(target), Tracker(spec.patience_s), recorder)
    stack.callback(watcher.close)
    return _ticks(watcher, title, child if spec.stop_hung else None, child is not None)


def _ticks(
    watcher: Watcher, title: str, stoppable: "subprocess.Popen[bytes] | None", echo: bool
) -> Iterator[WatchFrame]:
    due = time.monotonic()
    while True:
        verdict, sample = watcher.tick()
        yield WatchFrame(title, verdict, tuple(watcher.tracker.laps), sample.log, echo)
        if sample.ended:
            return
        if verdict.state is WatchState.HUNG and stoppable is not None:
            return
        due = max(due + TICK_S, time.monotonic())
        while (left := due - time.monotonic()) > 0:
            # A command that ends is shown at once, not a tick later.
            if watcher.collector.target.exit_code() is not None:
                break
            time.sleep(min(left, 0.1))


def _start(spec: WatchSpec) -> "tuple[subprocess.Popen[bytes], Target, str]":
    command = spec.command
    reading, writing = os.pipe()
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            start_new_session=True,
            preexec_fn=ended_with_onbox(signal.SIGKILL),
        )
    except OSError as error:
        os.close(reading)
        raise BoxError(f"{command[0]}: {error.strerror}", "is it installed and on PATH?") from error
    finally:
        os.close(writing)
    target = Target(
        pids=(child.pid,),
        log=PipeLog(reading),
        caches=cache_folders(),
        phase=phase_of_command(command),
        exit_code=child.poll,
        makes_containers=Path(command[0]).name in CLIENTS | DAEMONLESS,
    )
    return child, target, " ".join(command)


def _container(name: str, stack: ExitStack) -> tuple[Target, str]:
    found = find_container(name)
    assert found.pid is not None
    client = ContainerClient(found.program)
    follower = client.follow_log(found.id)
    assert follower.stdout is not None
    stack.callback(follower.wait)
    stack.callback(follower.kill)
    target = Target(
        pids=(found.pid,),
        log=PipeLog(os.dup(follower.stdout.fileno())),
        cgroups=(group_of(found.pid),),
        caches=cache_folders(),
        exit_code=_exit_code_once_gone(found.pid, lambda: _exit_code(client, found.id)),
    )
    return target, found.name


def _exit_code(client: ContainerClient, name: str) -> int | None:
    found = client.container(name)
    return None if found is None else found.exit_code


def _exit_code_once_gone(pid: int, ask: Callable[[], int | None]) -> Callable[[], int | None]:
    """The exit code of a container, as its engine says once the process is gone; it may take a moment."""

    def code() -> int | None:
        if stat_of(pid) is not None:
            return None
        deadline = time.monotonic() + GRACE_S
        while (ended := ask()) is None and time.monotonic() < deadline:
            time.sleep(0.2)
        return ended

    return code


def _process(pid: int) -> tuple[Target, str]:
    stat = stat_of(pid)
    if stat is None:
        raise UsageError(f"--pid {pid}: no such process", "ps -e lists them")
    argv: tuple[str, ...] = ()
    with suppress(psutil.Error):
        argv = tuple(psutil.Process(pid).cmdline())
    target = Target(pids=(pid,), log=_log_of(pid), caches=cache_folders(), phase=phase_of_command(argv))
    return target, f"{stat.name} ({pid})"


def _log_of(pid: int) -> Log | None:
    """The file that a process prints to, if it is one."""
    for number in (2, 1):
        with suppress(OSError):
            path = Path(f"/proc/{pid}/fd/{number}").readlink()
            if path.is_file():
                return FileLog(path, from_end=True)
    return None
