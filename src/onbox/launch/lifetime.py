"""One lifetime of an engine: started under the supervisor, watched until its first token, stopped, proven gone."""

import subprocess
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from onbox.atomic_files import utc_now, write_json
from onbox.engines import Engine, Launch, facts_of
from onbox.engines.log_lines import LogLines
from onbox.engines.served import options_of
from onbox.errors import BoxError, EngineError, GuardStop
from onbox.evidence.records import (
    EngineEnd,
    GpuHeld,
    GuardLimits,
    GuardStopped,
    ImageUsed,
    LaunchRecord,
    LoggedBackend,
    StandUp,
)
from onbox.launch.address import address_of
from onbox.launch.budget import Budget, GpuPlan, budget, transient_bytes
from onbox.launch.containers import ContainerClient
from onbox.launch.engine_log import EngineLog
from onbox.launch.first_requests import FirstRequests
from onbox.launch.gpus_held import gpus_held
from onbox.launch.guard_advice import guard_stop
from onbox.launch.image_build import build_image, image_used
from onbox.launch.launch_checks import launch_checks
from onbox.launch.log_backends import backends_in
from onbox.launch.memory_limits import limits_of
from onbox.launch.ports import listener_pid, nothing_listens, port_open
from onbox.launch.running_engines import running_engines
from onbox.launch.start_watch import StartWatch
from onbox.launch.supervisor_client import SupervisorClient
from onbox.launch.timeline import OnPhase, Timeline
from onbox.schema.recipe import Recipe
from onbox.supervisor.settings import ContainerRef, MemoryLimits, Settings
from onbox.watch.phases import KERNELS, WITH_KERNELS
from onbox.wire.client import StampedClient

POLL_S = 0.1
END_S = 60.0
SAID_CHARS = 600


class Lifetime:
    """An engine from its start to its end, with the record of both.

    Use as a context manager: whatever happens inside, the engine is stopped and the record written on the way out. An
    engine that onbox did not start, or that was handed over, is left running. While it runs the guard watches the box.

    Args:
        recipe: what to serve.
        engine: how.
        weights: the file; None for an attached server.
        folder: `CONTENDER/standup` in the evidence folder.
        on_phase: told about phases, for live views.
        patience_s: how long it may go without progress before it is called hung; None: as long as each phase may.
        reserve: bytes of the box's memory that must stay available; None takes the default for this box.
        state_file: kept current by the supervisor, for `onbox ps`.
        afterwards: commands that the supervisor runs when the engine is gone.
    """

    def __init__(
        self,
        recipe: Recipe,
        engine: Engine,
        weights: Path | None,
        folder: Path,
        on_phase: OnPhase = lambda phase, seconds: None,
        patience_s: float | None = None,
        *,
        reserve: int | None = None,
        state_file: Path | None = None,
        afterwards: tuple[tuple[str, ...], ...] = (),
    ) -> None:
        self.recipe = recipe
        self.engine = engine
        self.weights = weights
        self.folder = folder
        self.log_path = folder / "engine.log"
        self.launch_id = uuid.uuid4().hex[:12]
        self.pid: int | None = None
        self.model = recipe.model or recipe.name
        self._patience_s = patience_s
        self._reserve = reserve
        self._state_file = state_file
        self._afterwards = afterwards
        self._limits: MemoryLimits | None = None
        self._timeline = Timeline(on_phase)
        self._log = EngineLog(self.log_path)
        self._supervisor: SupervisorClient | None = None
        self._handed_over = False
        self._argv: tuple[str, ...] = ()
        self._container: tuple[str, str] | None = None
        self._image: ImageUsed | None = None
        self._ending: tuple[tuple[str, ...], ...] = ()
        self._log_lines: LogLines | None = None
        self._backends: tuple[LoggedBackend, ...] = ()
        self._figures: dict[str, float] = {}
        self._gpu_plans: tuple[GpuPlan, ...] = ()
        self._gpus: tuple[GpuHeld, ...] = ()
        self._ready_s: float | None = None
        self._props: dict[str, Any] = {}
        self.endpoint = address_of(recipe)

    # ------------------------------------------------------------ life

    def __enter__(self) -> "Lifetime":
        try:
            if self.recipe.engine == "attached":
                self._attach()
            else:
                self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def client(self, read_timeout_s: float = 600.0) -> StampedClient:
        """A new connection to the engine."""
        return StampedClient(self.endpoint, read_timeout_s=read_timeout_s)

    @property
    def props(self) -> dict[str, Any]:
        """What the engine said of itself when it was up."""
        return self._props

    @property
    def options(self) -> Mapping[str, str] | None:
        """Of the command line that it was started with; None of a server that ran already."""
        return options_of(self._argv) if self._argv else None

    @property
    def engine_pid(self) -> int | None:
        """The process whose work is the engine's: of a container its first one, and not the client; None: unseen."""
        if self._container is None:
            return self.pid
        program, name = self._container
        return ContainerClient(program).main_pid(name)

    def alive(self) -> bool:
        """Whether the engine answers now."""
        if self._supervisor is not None and self._supervisor.ended:
            return False
        with StampedClient(self.endpoint, read_timeout_s=5.0) as client:
            return client.get("/v1/models").status is not None

    def check(self) -> None:
        """Do nothing while the engine answers.

        Raises:
            GuardStop: the guard has stopped it; the numbers are told.
            EngineError: it does not; the last lines of its log are quoted.
        """
        if not self.alive():
            if self._supervisor is not None:
                self._supervisor.read_to_the_end()
                self._guarded(self._supervisor)
            raise EngineError(
                f"{self.recipe.name}: the engine died while it worked; its last output: {self._log.last_words()}",
                "finished runs are kept: continue with --resume",
            )

    def hand_over(self) -> None:
        """Leave the engine to its supervisor: it stays when this process ends, however it ends."""
        assert self._supervisor is not None
        self._supervisor.send("stay")
        self._handed_over = True

    # ------------------------------------------------------------ start

    def _attach(self) -> None:
        began = time.monotonic()
        with self.client(read_timeout_s=30.0) as client:
            models = client.get("/v1/models")
            if models.status != 200 or "data" not in (client.get_json("/v1/models") or {}):
                kind = models.headers.get("content-type", "of no type")
                what = models.error or f"GET /v1/models answered {models.status}, {kind}"
                raise BoxError(
                    f"{self.endpoint}: no OpenAI-compatible server: {what}", "is it running, and is the port right?"
                )
            self._props = self.engine.props(client)
            self.model = self.recipe.model or self._props.get("model") or self.model
        self.pid = listener_pid(self.endpoint)
        self._first_requests().canary(time.monotonic())
        self._ready_s = time.monotonic() - began
        self._gpus = gpus_held(self.pid)
        self._write(None)

    def _start(self) -> None:
        assert self.weights is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log_path.unlink(missing_ok=True)
        launch = self.engine.launch(self.recipe, self.weights, self.endpoint.port)
        self._argv, self._ending, self._log_lines = launch.argv, launch.end, launch.log
        self._container = (launch.launcher, launch.container) if launch.container else None
        found = budget(self.recipe, self.weights, reserve=self._reserve)
        self._check_before(launch, found)
        if self._build(launch):
            found = budget(self.recipe, self.weights, reserve=self._reserve)
            self._check_before(launch, found)
        self._image = image_used(self.recipe, launch)
        self._gpu_plans = found.gpus
        self._limits = limits_of(
            found,
            transient_bytes=transient_bytes(self.recipe, self.weights),
            container=launch.container is not None,
        )
        began = time.monotonic()
        supervisor = self._supervisor = SupervisorClient(self._settings(launch), launch.argv, launch.environment)
        supervisor.read()
        if "error" in supervisor.reports:
            raise EngineError(f"{self.recipe.name}: cannot start: {supervisor.reports['error']}", launch.stop_hint)
        self.pid = supervisor.reports.get("pid")
        assert self.pid is not None
        self._timeline.watch(
            StartWatch(self.recipe.name, self.pid, launch, str(self.endpoint), self.folder, self._patience_s)
        )
        self._write(None)
        last = self._until_ready(launch, supervisor, began)
        self._image = self._image or image_used(self.recipe, launch)  # fetched by the start
        first = self._first_requests()
        first.canary(last)
        first.warm_up(self.recipe.warm_up)
        self._ready_s = time.monotonic() - began
        self._gpus = gpus_held(self.engine_pid, self._gpu_plans)
        supervisor.send("phase serving")
        with self.client(read_timeout_s=30.0) as client:
            self._props = self.engine.props(client)
        self._timeline.watched()
        self._write(None)

    def _first_requests(self) -> FirstRequests:
        return FirstRequests(self.recipe.name, self.model, self.client, self._timeline)

    def _check_before(self, launch: Launch, found: Budget) -> None:
        """Write down what speaks for and against the launch.

        Raises:
            BoxError: it would fail, or harm what runs here.
        """
        checks = launch_checks(self.recipe, launch, found, running_engines(), self.endpoint.port)
        record = LaunchRecord(checks=tuple(checks))
        write_json(self.folder / "launch.json", record)
        for check in checks:
            if check.status == "fail":
                observed = "" if check.unit == "bytes" else f"{check.observed}: "
                raise BoxError(f"{self.recipe.name}: {check.id}: {observed}{check.evidence}", check.hint)

    def _build(self, launch: Launch) -> bool:
        """Make the image if it is made here, and is not there yet."""
        if not launch.build or ContainerClient(launch.launcher).image(str(launch.image)) is not None:
            return False
        self._timeline.begin("build")
        self._timeline.add(build_image(self.recipe.name, launch, self.folder, self._patience_s))
        return True

    def _settings(self, launch: Launch) -> Settings:
        return Settings(
            log=str(self.log_path),
            landmarks=tuple((mark.phase, mark.pattern) for mark in launch.log.landmarks),
            limits=self._limits,
            guard_file=str(self.folder / "guard.json"),
            # What `onbox up` serves may serve for months, and nobody reads its evidence so long.
            memory_file=None if self._state_file else str(self.folder / "memory.jsonl"),
            state_file=str(self._state_file) if self._state_file else None,
            container=ContainerRef(launch.launcher, launch.container) if launch.container else None,
            afterwards=self._afterwards,
        )

    def _until_ready(self, launch: Launch, supervisor: SupervisorClient, began: float) -> float:
        """Wait until the server says that it is ready, changing phases as their landmarks pass; return when."""
        phase, log_phase, last = "start", "start", began
        self._timeline.begin(phase)

        def enter(name: str) -> None:
            nonlocal phase, last
            if name != phase:
                last, phase = self._timeline.end(phase, last), name
                self._timeline.begin(phase)

        while True:
            with StampedClient(self.endpoint, connect_timeout_s=1.0, read_timeout_s=5.0) as client:
                ready = self.engine.ready(client)
            for line in self._log.read():
                mark = launch.log.landmark(line)
                if mark is not None and mark.phase != "serving":
                    log_phase = mark.phase
                    enter(KERNELS if phase == KERNELS and log_phase in WITH_KERNELS else log_phase)
            if ready:
                self._read_backends()
                return self._timeline.end(phase, last)
            self._still_alive(launch, supervisor)
            self._timeline.sample()
            enter(KERNELS if self._timeline.compiles_kernels else log_phase)
            time.sleep(POLL_S)

    def _still_alive(self, launch: Launch, supervisor: SupervisorClient) -> None:
        if not supervisor.ended:
            return
        supervisor.read()
        self._guarded(supervisor)
        self._read_backends()
        lines = self._log.lines
        known = launch.log.failure(lines)
        last = f"its output: {known[1].strip()[:SAID_CHARS]}" if known else f"its last output: {self._log.last_words()}"
        raise EngineError(
            f"{self.recipe.name}: the engine died at start (exit code {supervisor.reports.get('exit')}); {last}",
            f"{known[0].next_step if known else launch.stop_hint} The whole log: {self.log_path}".strip(),
        )

    def _read_backends(self) -> None:
        """Take in what the log tells by now of kernels, device and sizes."""
        self._log.read()
        if self._log_lines is not None:
            self._backends, self._figures = backends_in(self._log.lines, self._log_lines)

    def _guarded(self, supervisor: SupervisorClient) -> None:
        """Raise if it was the guard that ended the engine."""
        if supervisor.reports.get("how") != "guard":
            return
        path = self.folder / "guard.json"
        try:
            found = GuardStopped.model_validate_json(path.read_bytes())
        except (OSError, ValueError):
            raise GuardStop(f"{self.recipe.name}: stopped by the guard; its record could not be written") from None
        raise guard_stop(self.recipe, found, path)

    # ------------------------------------------------------------ end

    def _end(self) -> None:
        self._timeline.watched()
        if self._supervisor is None or self._handed_over:
            self._log.close()
            if self._ready_s is not None:
                self._write(self._left())
            return
        supervisor, self._supervisor = self._supervisor, None
        supervisor.end()
        self._read_backends()  # of a start that was interrupted, too
        self._log.close()
        for command in self._ending:
            # A container may outlive its client; each command is harmless when it is gone already.
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=END_S, check=False)
        self._write(
            EngineEnd(
                at=utc_now(),
                how=supervisor.reports.get("how", "died" if "error" in supervisor.reports else "killed"),
                exit_code=supervisor.reports.get("exit"),
                process_gone=self.pid is None or not psutil.pid_exists(self.pid),
                port_closed=not port_open(self.endpoint.host, self.endpoint.port),
            )
        )

    def _left(self) -> EngineEnd:
        """Of an engine that goes on without onbox, if it does: one of this box may have died while it was measured."""
        here = self.pid is not None and self.recipe.engine == "attached"
        if not here or port_open(self.endpoint.host, self.endpoint.port):
            return EngineEnd(at=utc_now(), how="left running")
        assert self.pid is not None
        gone, closed = not psutil.pid_exists(self.pid), nothing_listens(self.endpoint.host, self.endpoint.port)
        if not gone and not closed:  # Too busy to accept a connection.
            return EngineEnd(at=utc_now(), how="left running")
        return EngineEnd(at=utc_now(), how="died", process_gone=gone, port_closed=closed)

    def record(self, stopped: EngineEnd | None = None) -> StandUp:
        """What is known of this lifetime by now."""
        use = facts_of(self.recipe.engine).gpu_use(self.recipe.serve.arguments)
        version = self.engine.version() or self._props.get("version") or self._props.get("build_info")
        return StandUp(
            launch_id=self.launch_id,
            engine=self.recipe.engine,
            engine_version=None if version is None else str(version),
            argv=self._argv,
            url=self.endpoint.api,
            pid=self.pid,
            container=self._container,
            image=self._image,
            phases=tuple(self._timeline.phases),
            ready_s=self._ready_s,
            props=self._props,
            backends=self._backends,
            figures=self._figures,
            devices=use.holders if use else None,
            gpus=self._gpus,
            guard=None if self._limits is None else GuardLimits(**self._limits._asdict()),
            stopped=stopped,
        )

    def _write(self, stopped: EngineEnd | None) -> None:
        write_json(self.folder / "phases.json", self.record(stopped))
