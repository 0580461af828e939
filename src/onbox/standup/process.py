"""One lifetime of an engine: started under the keeper, watched until its first token, stopped, proven gone."""

import json
import os
import re
import select
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil

from onbox.engines import Engine, Launch
from onbox.errors import BoxError, EngineError, GuardStop, UsageError
from onbox.evidence.folder import utc_now, write_json
from onbox.evidence.records import (
    BackendSeen,
    Exchange,
    GuardLimits,
    GuardStopped,
    ImageUsed,
    LaunchCheck,
    LaunchRecord,
    Phase,
    StandUp,
    Stopped,
)
from onbox.evidence.stream import read_reply
from onbox.recipes.schema import Recipe
from onbox.standup.backend import seen
from onbox.standup.budget import Budget, budget, transient_bytes
from onbox.standup.building import build_image, image_used
from onbox.standup.guard_words import guard_stop
from onbox.standup.images import image
from onbox.standup.keeper import KEEPER
from onbox.standup.keeper.settings import Container, Limits, Settings
from onbox.standup.launch_checks import launch_checks
from onbox.standup.limits import limits_of
from onbox.standup.observe import Observer, Peaks
from onbox.standup.ports import free_port, listener_pid, port_open, taken_by
from onbox.standup.residents import residents
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint

POLL_S = 0.1
ANSWER_S = 1800.0
"""For the first answer of an engine without counters, where nothing can tell a hang from a slow one."""
LOG_COMPLETE_S = 2.0
END_S = 60.0
LOG_TAIL_LINES = 6
SAID_CHARS = 600
STAMP = re.compile(r"^\S+Z \+ *[\d.]+ ")
"""What the keeper puts before each line of the log."""

OnPhase = Callable[[str, float | None], None]
"""Called with (phase, None) when a phase starts and (phase, seconds) when it ends."""


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
        state_file: kept current by the keeper, for `onbox ps`.
        afterwards: commands that the keeper runs when the engine is gone.
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
        self._on_phase = on_phase
        self._patience_s = patience_s
        self._reserve = reserve
        self._state_file = state_file
        self._afterwards = afterwards
        self._limits: Limits | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        self._observer: Observer | None = None
        self._handed_over = False
        self._told: dict[str, Any] = {}
        self._phases: list[Phase] = []
        self._argv: tuple[str, ...] = ()
        self._container: tuple[str, str] | None = None
        self._image: ImageUsed | None = None
        self._ending: tuple[tuple[str, ...], ...] = ()
        self._backends: tuple[BackendSeen, ...] = ()
        self._figures: dict[str, float] = {}
        self._ready_s: float | None = None
        self._props: dict[str, Any] = {}
        self.endpoint = self._address()

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

    def alive(self) -> bool:
        """Whether the engine answers now."""
        if self._keeper is not None and self._keeper.poll() is not None:
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
            if self._keeper is not None:
                # The log is complete when the keeper has ended; an engine that hangs keeps its keeper.
                with suppress(subprocess.TimeoutExpired):
                    self._keeper.wait(LOG_COMPLETE_S)
                    self._hear()
            self._guarded()
            raise EngineError(
                f"{self.recipe.name}: the engine died while it worked; last it said: {self._last_words()}",
                "what is done is kept: go on with --resume",
            )

    def hand_over(self) -> None:
        """Leave the engine to its keeper: it stays when this process ends, however it ends."""
        assert self._keeper is not None
        self._tell("stay")
        self._handed_over = True

    # ------------------------------------------------------------ start

    def _address(self) -> Endpoint:
        if self.recipe.url is not None:
            return replace(Endpoint.parse(self.recipe.url), key=self._key())
        port = self.recipe.serve.port
        if port is not None and port_open("127.0.0.1", port):
            raise BoxError(
                f"{self.recipe.name}: serve.port: {port} is taken{taken_by(port)}", "free it, or leave it out"
            )
        return Endpoint("http", "127.0.0.1", port or free_port())

    def _key(self) -> str:
        """What the user put into the environment for this server."""
        name = self.recipe.api_key_env
        key = os.environ.get(name, "").strip() if name else ""
        if name and not key:
            raise UsageError(f"{self.recipe.name}: api_key_env: {name} is not set", f"export {name}=...")
        return key

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
        self._canary(time.monotonic())
        self._ready_s = time.monotonic() - began
        self._write(None)

    def _start(self) -> None:
        assert self.weights is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log_path.unlink(missing_ok=True)
        launch = self.engine.launch(self.recipe, self.weights, self.endpoint.port)
        self._argv, self._ending = launch.argv, launch.end
        self._container = (launch.launcher, launch.container) if launch.container else None
        found = budget(self.recipe, self.weights, reserve=self._reserve)
        self._look_before(launch, found)
        if self._build(launch):
            found = budget(self.recipe, self.weights, reserve=self._reserve)
            self._look_before(launch, found)
        self._image = image_used(self.recipe, launch)
        self._limits = limits_of(
            found,
            transient_bytes=transient_bytes(self.recipe, self.weights),
            container=launch.container is not None,
        )
        began = time.monotonic()
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", KEEPER, self._settings(launch).to_json(), "--", *launch.argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **launch.environment},
        )
        self._hear()
        if "error" in self._told:
            raise EngineError(f"{self.recipe.name}: cannot start: {self._told['error']}", launch.stop_hint)
        self.pid = self._told.get("pid")
        assert self.pid is not None
        self._observer = Observer(self.recipe.name, self.pid, launch, str(self.endpoint), self.folder, self._patience_s)
        self._write(None)
        last = self._follow_log(launch, began)
        self._image = self._image or image_used(self.recipe, launch)  # fetched by the start
        self._canary(last)
        self._warm_up()
        self._ready_s = time.monotonic() - began
        self._tell("phase serving")
        with self.client(read_timeout_s=30.0) as client:
            self._props = self.engine.props(client)
        self._watched()
        self._write(None)

    def _look_before(self, launch: Launch, found: Budget) -> None:
        """Write down what speaks for and against the launch.

        Raises:
            BoxError: it would fail, or harm what runs here.
        """
        checks = launch_checks(self.recipe, launch, found, residents(), self.endpoint.port)
        record = LaunchRecord(checks=tuple(LaunchCheck(**asdict(check)) for check in checks))
        write_json(self.folder / "launch.json", record)
        for check in checks:
            if check.status == "fail":
                seen = "" if check.unit == "bytes" else f"{check.observed}: "
                raise BoxError(f"{self.recipe.name}: {check.id}: {seen}{check.evidence}", check.hint)

    def _build(self, launch: Launch) -> bool:
        """Make the image if it is made here, and is not there yet."""
        if not launch.build or image(launch.launcher, str(launch.image)) is not None:
            return False
        self._on_phase("build", None)
        phase = build_image(self.recipe.name, launch, self.folder, self._patience_s)
        self._phases.append(phase)
        self._on_phase("build", phase.seconds)
        return True

    def _settings(self, launch: Launch) -> Settings:
        return Settings(
            log=str(self.log_path),
            landmarks=tuple((mark.phase, mark.pattern) for mark in launch.log.landmarks),
            limits=self._limits,
            guard_file=str(self.folder / "guard.json"),
            state_file=str(self._state_file) if self._state_file else None,
            container=Container(launch.launcher, launch.container) if launch.container else None,
            afterwards=self._afterwards,
        )

    def _follow_log(self, launch: Launch, began: float) -> float:
        """Wait until the server says that it is ready, changing phases as their landmarks pass; return when."""
        phase, last, read = "start", began, 0
        self._on_phase(phase, None)
        while True:
            with StampedClient(self.endpoint, connect_timeout_s=1.0, read_timeout_s=5.0) as client:
                ready = self.engine.ready(client)
            lines = _lines(self.log_path)
            for line in lines[read:]:
                mark = launch.log.landmark(STAMP.sub("", line))
                if mark is not None and mark.phase not in (phase, "serving"):
                    last = self._close(phase, last)
                    phase = mark.phase
                    self._on_phase(phase, None)
            read = len(lines)
            if ready:
                self._backends, self._figures = seen((STAMP.sub("", line) for line in lines), launch.log)
                return self._close(phase, last)
            self._still_alive(launch)
            self._look()
            time.sleep(POLL_S)

    def _canary(self, since: float) -> None:
        """Ask for one real token: a server may say that it is ready before it is, and may say so while wedged."""
        self._on_phase("first token", None)
        body = {"model": self.model, "messages": [{"role": "user", "content": "Say ok."}], "max_tokens": 1}
        exchange = self._ask(body, "canary")
        reply = read_reply(exchange)
        shown = reply.finish_reason or reply.content or reply.reasoning
        if exchange.status != 200 or reply.error or not shown:
            said = f"status {exchange.status}: {exchange.body()[:300].decode('utf-8', 'replace')}"
            raise EngineError(f"{self.recipe.name}: up, but gives no token: {exchange.error or said}")
        self._close("first token", since)

    def _warm_up(self) -> None:
        """The recipe's requests that compile and tune what the first real one would otherwise wait for."""
        asked = self.recipe.warm_up
        if not asked.requests:
            return
        began = time.monotonic()
        self._on_phase("warm-up", None)
        said = [{"role": "user", "content": "Count from one to one hundred in words."}]
        body = {"model": self.model, "messages": said, "max_tokens": asked.output_tokens, "temperature": 0}
        for _ in range(asked.requests):
            exchange = self._ask(body, "warm-up")
            if exchange.status != 200:
                raise EngineError(f"{self.recipe.name}: warm-up: {exchange.error or f'status {exchange.status}'}")
        self._close("warm-up", began)

    def _ask(self, body: dict[str, Any], purpose: str) -> Exchange:
        """One request while the watch goes on: an engine may hang in its first one."""
        answered: list[Exchange] = []

        def ask() -> None:
            with self.client(read_timeout_s=ANSWER_S) as client:
                answered.append(client.post("/chat/completions", body, purpose=purpose))

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        while asking.is_alive():
            self._look()
            asking.join(POLL_S)
        return answered[0]

    def _look(self) -> None:
        if self._observer is not None:
            self._observer.look()

    def _watched(self) -> None:
        """The stand-up is over, and the watch with it: it is not to disturb what is measured."""
        if self._observer is not None:
            self._observer.close()
            self._observer = None

    def _close(self, name: str, since: float) -> float:
        peaks = self._observer.peaks() if self._observer is not None else Peaks()
        now = time.monotonic()
        self._phases.append(
            Phase(
                name=name,
                seconds=round(now - since, 3),
                peak_bytes=peaks.held_bytes,
                available_min_bytes=peaks.available_min_bytes,
            )
        )
        self._on_phase(name, now - since)
        return now

    def _still_alive(self, launch: Launch) -> None:
        assert self._keeper is not None
        if self._keeper.poll() is None:
            return
        self._hear()
        self._guarded()
        code = self._told.get("exit")
        lines = [STAMP.sub("", line) for line in _lines(self.log_path)]
        self._backends, self._figures = seen(lines, launch.log)
        known = launch.log.failure(lines)
        said = f"it said: {known[1].strip()[:SAID_CHARS]}" if known else f"the last it said: {self._last_words()}"
        raise EngineError(
            f"{self.recipe.name}: the engine died at start (exit code {code}); {said}",
            f"{known[0].next_step if known else launch.stop_hint} The whole log: {self.log_path}".strip(),
        )

    def _hear(self) -> None:
        """Take in the keeper's next line; at its end there is none."""
        assert self._keeper is not None
        assert self._keeper.stdout is not None
        self._told |= json.loads(self._keeper.stdout.readline() or b"{}")

    def _tell(self, line: str) -> None:
        """Say something on the lifeline; a keeper that has ended does not hear it."""
        assert self._keeper is not None
        assert self._keeper.stdin is not None
        with suppress(BrokenPipeError):
            self._keeper.stdin.write(f"{line}\n".encode())
            self._keeper.stdin.flush()

    def _guarded(self) -> None:
        """Raise if it was the guard that ended the engine."""
        if self._told.get("how") != "guard":
            return
        path = self.folder / "guard.json"
        try:
            seen = GuardStopped.model_validate_json(path.read_bytes())
        except (OSError, ValueError):
            raise GuardStop(f"{self.recipe.name}: stopped by the guard; what it saw could not be written") from None
        raise guard_stop(self.recipe, seen, path)

    def _last_words(self) -> str:
        words = [STAMP.sub("", line).strip() for line in _lines(self.log_path)[-LOG_TAIL_LINES:]]
        return " | ".join(word for word in words if word) or "nothing"

    # ------------------------------------------------------------ end

    def _end(self) -> None:
        self._watched()
        if self._keeper is None or self._handed_over:
            if self._ready_s is not None:
                self._write(Stopped(at=utc_now(), how="left running"))
            return
        keeper, self._keeper = self._keeper, None
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        with suppress(BrokenPipeError):
            keeper.stdin.close()
        if select.select([keeper.stdout], [], [], 20.0)[0]:
            for line in keeper.stdout.read().splitlines():
                self._told |= json.loads(line)
        keeper.kill()
        keeper.wait()
        keeper.stdout.close()
        for command in self._ending:
            # A container may outlive its client; each command is harmless when it is gone already.
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=END_S, check=False)
        self._write(
            Stopped(
                at=utc_now(),
                how=self._told.get("how", "died" if "error" in self._told else "killed"),
                exit_code=self._told.get("exit"),
                process_gone=self.pid is None or not psutil.pid_exists(self.pid),
                port_closed=not port_open(self.endpoint.host, self.endpoint.port),
            )
        )

    def record(self, stopped: Stopped | None = None) -> StandUp:
        """What is known of this lifetime by now."""
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
            phases=tuple(self._phases),
            ready_s=self._ready_s,
            props=self._props,
            backends=self._backends,
            figures=self._figures,
            guard=None if self._limits is None else GuardLimits(**self._limits._asdict()),
            stopped=stopped,
        )

    def _write(self, stopped: Stopped | None) -> None:
        write_json(self.folder / "phases.json", self.record(stopped))


def _lines(path: Path) -> list[str]:
    """The log's whole lines so far."""
    try:
        return path.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
