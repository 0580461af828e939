"""What `onbox up` started for this user: one file for each name, beside the one that its supervisor keeps.

A process is named by its pid and its start, never by a bare pid: pids come again.
"""

import json
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil
from pydantic import BaseModel, ConfigDict

from onbox.atomic_files import write_json
from onbox.errors import BoxError, UsageError
from onbox.evidence.records import Phase
from onbox.launch.containers import ContainerClient
from onbox.launch.ports import port_open
from onbox.launch.shared_memory import mapped, removed
from onbox.supervisor.memory_sampler import descendants, holding, start_ticks
from onbox.user_folders import run_folder, state_folder

STOP_S = 30.0
SUPERVISOR_SUFFIX = ".keeper.json"
ASKED = ("asked", "killed")
"""How an engine ended that was told to: by itself, or by force after the grace."""

State = Literal["starting", "serving", "ending", "interrupted", "stopped", "died", "guard", "unguarded"]
"""`ending`: the engine is dead, and its supervisor tidies up. `interrupted`: it was ended before it served, because who
started it went away. `unguarded`: it lives, and its supervisor is gone or stopped by a signal."""


class UpRecord(BaseModel):
    """`NAME.json`: what was started, as its `up` knew it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    url: str
    host: str
    port: int
    engine: str
    folder: str
    """Of its evidence."""
    started_at: str
    again: tuple[str, ...] = ()
    """The command that starts it again."""
    container: tuple[str, str] | None = None
    """(program, name)."""
    reserve_bytes: int | None = None
    plan_bytes: int | None = None
    phases: tuple[Phase, ...] = ()
    backend: dict[str, Any] = {}


@dataclass(frozen=True)
class Identity:
    """A process for good: its pid, and its start in clock ticks since boot."""

    pid: int
    started: int | None

    def alive(self) -> bool:
        """Whether that very process lives; a zombie does not."""
        same = self.started is not None and start_ticks(self.pid) == self.started
        return same and _status(self.pid) != psutil.STATUS_ZOMBIE

    def works(self) -> bool:
        """Whether it lives, and no signal has stopped it."""
        return self.alive() and _status(self.pid) not in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)


@dataclass(frozen=True)
class UpEngine:
    """A name, and what its supervisor says of it."""

    started: UpRecord
    noted: dict[str, Any]
    """What the supervisor wrote: state, phase, how, exit, alarm."""

    @property
    def supervisor(self) -> Identity | None:
        return _identity(self.noted.get("keeper"))

    @property
    def engine(self) -> Identity | None:
        return _identity(self.noted.get("engine"))

    def guarded(self) -> bool:
        """Whether its supervisor, and so its guard, is at work: it lives, and no signal has stopped it."""
        return self.supervisor is not None and self.supervisor.works()

    def held_bytes(self) -> int | None:
        """What its processes hold, files left out; None when there are none."""
        pids = self.processes()
        return sum(sum(held) for pid in pids if (held := holding(pid)) is not None) if pids else None

    def processes(self) -> set[int]:
        """The engine's: those of its container, without the client that stands for it here; none when it is gone."""
        if self.engine is None or not self.engine.alive():
            return set()
        if self.started.container is None:
            return descendants({self.engine.pid})
        program, name = self.started.container
        pid = ContainerClient(program).main_pid(name)
        return descendants({pid}) if pid else set()

    def state(self) -> State:
        """How it does now, by its processes and not by what was written last."""
        lives = self.engine is not None and self.engine.alive()
        if self.guarded() and "how" not in self.noted:
            return "ending" if not lives else "serving" if self.noted.get("state") == "serving" else "starting"
        if lives:
            return "unguarded"
        how = self.noted.get("how")
        if how not in ASKED:
            return "guard" if how == "guard" else "died"
        served = self.noted.get("served", self.noted.get("phase") == "serving")
        return "stopped" if served else "interrupted"


@dataclass(frozen=True)
class StopResult:
    """The proof that nothing is left; None: there was no such thing."""

    process: bool
    port: bool
    container: bool | None
    shared_memory: tuple[str, ...]
    """What the engine had left in /dev/shm; it was removed."""

    @property
    def is_gone(self) -> bool:
        return self.process and self.port and self.container is not False


def all_running() -> list[UpEngine]:
    """Everything that was started and not yet put away, by name."""
    folders = {run_folder(), state_folder() / "run"}
    paths = [path for folder in folders for path in folder.glob("*.json") if not path.name.endswith(SUPERVISOR_SUFFIX)]
    return sorted(filter(None, map(_read, paths)), key=lambda each: each.started.name)


def find(name: str) -> UpEngine | None:
    """The one of that name."""
    return next((each for each in all_running() if each.started.name == name), None)


def save(started: UpRecord) -> None:
    """Write or replace its file."""
    write_json(run_folder() / f"{started.name}.json", started)


def supervisor_file(name: str) -> Path:
    """The file that the supervisor of that name writes."""
    return run_folder() / f"{name}{SUPERVISOR_SUFFIX}"


def put_away(name: str) -> None:
    """Forget it; its evidence stays."""
    for folder in {run_folder(), state_folder() / "run"}:
        for path in (folder / f"{name}.json", folder / f"{name}{SUPERVISOR_SUFFIX}"):
            path.unlink(missing_ok=True)


def stop(running: UpEngine) -> StopResult:
    """Stop it in order, and look whether anything is left.

    Raises:
        BoxError: its supervisor does not end.
    """
    name, supervisor, engine = running.started.name, running.supervisor, running.engine
    program, container = running.started.container or ("", None)
    shared = mapped(running.processes())
    if supervisor is not None and supervisor.alive():
        _signal(supervisor, signal.SIGTERM)
        _signal(supervisor, signal.SIGCONT)
        deadline = time.monotonic() + STOP_S
        while supervisor.alive():
            if time.monotonic() > deadline:
                raise BoxError(
                    f"{name}: its supervisor, process {supervisor.pid}, does not end", f"kill {supervisor.pid}"
                )
            time.sleep(0.02)
    elif engine is not None and engine.alive():
        # Its supervisor was killed; only the engine itself is known to be ours.
        _signal(engine, signal.SIGKILL)
        deadline = time.monotonic() + STOP_S
        while engine.alive() and time.monotonic() < deadline:
            time.sleep(0.02)
    if container is not None:
        # The supervisor has removed it; one whose supervisor was killed may have left it.
        ContainerClient(program).remove(container)
    return StopResult(
        process=engine is None or not engine.alive(),
        port=not port_open(running.started.host, running.started.port),
        container=None if container is None else ContainerClient(program).main_pid(container) is None,
        shared_memory=removed(shared),
    )


def refuse_twice(name: str) -> None:
    """Do nothing unless something of that name lives.

    Raises:
        UsageError: it does.
    """
    running = find(name)
    if running is not None and running.state() in ("starting", "serving", "unguarded"):
        raise UsageError(f"{name}: is already running at {running.started.url}", f"onbox down {name}")


def _read(path: Path) -> UpEngine | None:
    try:
        started = UpRecord.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
    noted: Any = {}
    with suppress(OSError, ValueError):
        noted = json.loads(path.with_name(f"{started.name}{SUPERVISOR_SUFFIX}").read_bytes())
    return UpEngine(started, noted if isinstance(noted, dict) else {})


def _identity(value: Any) -> Identity | None:
    if not isinstance(value, dict) or not isinstance(value.get("pid"), int):
        return None
    return Identity(value["pid"], value.get("started"))


def _status(pid: int) -> str:
    with suppress(psutil.Error):
        return str(psutil.Process(pid).status())
    return ""


def _signal(process: Identity, number: int) -> None:
    """Signal that very process: the pid is held while its start is compared."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return
    try:
        if process.alive():
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)
