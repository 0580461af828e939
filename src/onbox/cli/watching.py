"""`onbox watch` put together: what to look at, who looks, who shows it, and the exit code."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from onbox.cli.signals import terminable
from onbox.cli.watchview import Frame, View, make_view
from onbox.errors import BadSubjectError, BoxError, UsageError
from onbox.launch.containers import ContainerClient, find_container
from onbox.launch.guard_replay import GuardReplay
from onbox.supervisor.settings import MemoryLimits
from onbox.watch.cgroups import group_of
from onbox.watch.classify import State
from onbox.watch.collect import Collector, Target
from onbox.watch.engine_counters import MetricsServer
from onbox.watch.logs import FileLog, Log, PipeLog
from onbox.watch.machine import cache_folders
from onbox.watch.members import CLIENTS, DAEMONLESS
from onbox.watch.phases import phase_of_command
from onbox.watch.procfs import stat_of
from onbox.watch.recording import Header, Recorder, Recording
from onbox.watch.recording_library import find_recording
from onbox.watch.watcher import Tracker, Watcher

TICK_S = 1.0
GRACE_S = 5.0
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, kw_only=True)
class WatchSpec:
    """What to watch; exactly one of pid, container, replay and command."""

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


def watch(spec: WatchSpec, as_json: bool) -> None:
    """Show what is watched until it has ended.

    Raises:
        UsageError: not exactly one thing is named, or it is not there.
        BadSubjectError: in the end it is dead or hung.
    """
    named = [each for each in (spec.pid, spec.container, spec.replay, spec.command or None) if each is not None]
    if len(named) != 1:
        raise UsageError("name one thing to watch", "--pid N, --container X, --replay FILE, or -- CMD ...")
    if spec.stop_hung and not spec.command:
        raise UsageError("--stop-hung: only a command after -- is ever stopped", "leave it out, or write -- CMD ...")
    _check_guard(spec)
    last: Frame | None = None
    with ExitStack() as stack:
        stack.enter_context(terminable())
        frames = _replayed(spec) if spec.replay is not None else _live(spec, stack)
        view: View = stack.enter_context(make_view(as_json))
        for last in frames:
            view.show(last)
    if last is not None and last.verdict.state in (State.DEAD, State.HUNG):
        raise BadSubjectError(f"{last.title}: {last.verdict.state} in {last.verdict.phase}: {last.verdict.why}")


def _check_guard(spec: WatchSpec) -> None:
    """A guard that only looks is for recordings.

    Raises:
        UsageError: there is none, or there is no reserve to hold the memory against.
    """
    if spec.reserve_bytes is not None and spec.replay is None:
        raise UsageError("--reserve: only a recording has a guard that just looks", "onbox up starts under a real one")
    if spec.reserve_bytes is None and (spec.plan_bytes is not None or spec.unified):
        raise UsageError("--plan and --unified: are for the guard of --reserve", "add --reserve GIB")


def _replayed(spec: WatchSpec) -> Iterator[Frame]:
    assert spec.replay is not None
    recording = Recording(find_recording(spec.replay))
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
        yield Frame(title, verdict, tuple(tracker.laps), sample.log, guard=guard)


def _live(spec: WatchSpec, stack: ExitStack) -> Iterator[Frame]:
    child = None
    if spec.command:
        child, target, title = _start(spec)
        stack.callback(_end, child)
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


def _ticks(watcher: Watcher, title: str, stoppable: "subprocess.Popen[bytes] | None", echo: bool) -> Iterator[Frame]:
    due = time.monotonic()
    while True:
        verdict, sample = watcher.tick()
        yield Frame(title, verdict, tuple(watcher.tracker.laps), sample.log, echo)
        if sample.ended:
            return
        if verdict.state is State.HUNG and stoppable is not None:
            return
        due = max(due + TICK_S, time.monotonic())
        while (left := due - time.monotonic()) > 0:
            # A command that ends is told at once, not a tick later.
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
            preexec_fn=_die_with_the_watch,
        )
    except OSError as error:
        os.close(reading)
        raise BoxError(f"{command[0]}: {error.strerror}", "is it installed, and on the PATH?") from error
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


def _die_with_the_watch() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Whoever started it ends it: the command does not outlive the watch."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, number)
            with suppress(subprocess.TimeoutExpired):
                child.wait(GRACE_S)


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
    """The exit code of a container, looked up only when its process is gone; docker may take a moment to know it."""

    def exit_code() -> int | None:
        if stat_of(pid) is not None:
            return None
        deadline = time.monotonic() + GRACE_S
        while (code := ask()) is None and time.monotonic() < deadline:
            time.sleep(0.2)
        return code

    return exit_code


def _process(pid: int) -> tuple[Target, str]:
    stat = stat_of(pid)
    if stat is None:
        raise UsageError(f"--pid {pid}: no such process", "ps -e lists them")
    argv: tuple[str, ...] = ()
    with suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        argv = tuple(os.fsdecode(part) for part in file.read().split(b"\0") if part)
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
