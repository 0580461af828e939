"""One decode measurement: idle check, cold request, warm-up, measured requests between two scrapes."""

import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, stdev

from onbox.engines import Engine
from onbox.evidence.folder import append_line, write_atomic, write_json
from onbox.evidence.records import Exchange, SpeedPlan, SpeedRecord, Telemetry
from onbox.evidence.stream import Reply, read_reply
from onbox.speed.asking import APIS, USUAL
from onbox.speed.monitor import Monitor
from onbox.speed.prompts import prompt
from onbox.speed.telemetry import CpuMeter
from onbox.wire.client import StampedClient

IDLE_SCRAPES = 3
IDLE_GAP_S = 0.3
QUIESCENCE_S = 10.0
STEADY_OVER = 3
STEADY_SHARE = 0.01
"""Warm-up is over when the rates of the last three requests have a smaller coefficient of variation."""

NO_SUCH_API = (400, 404, 405, 422, 501)
"""A server that answers so does not have the API that it was asked by; the next one is tried."""

OnTokens = Callable[[int], None]


class SpeedRun:
    """A measurement in two steps, so that the cold request can come before everything else.

    Args:
        client: a direct connection to the engine: no proxy stands between the ruler and what it measures.
        engine: for its counters.
        model: the model's name in requests.
        plan: requests, tokens, depth and seed, fixed before.
        folder: `CONTENDER/speed/N`.
        launch_id: of the engine's lifetime.
        engine_pid: whose CPU time is the engine's own; None when it is not ours to see.
        apis: names of `onbox.speed.asking.APIS`, in the order in which they are tried.
        on_tokens: told the number of events in each read, for live views.
    """

    def __init__(
        self,
        client: StampedClient,
        engine: Engine,
        model: str,
        plan: SpeedPlan,
        folder: Path,
        *,
        launch_id: str,
        engine_pid: int | None,
        apis: Sequence[str] = USUAL,
        on_tokens: OnTokens = lambda count: None,
    ) -> None:
        self._client = client
        self._engine = engine
        self._model = model
        self._plan = plan
        self._folder = folder
        self._launch_id = launch_id
        self._meter = CpuMeter(engine_pid)
        self._on_tokens = on_tokens
        self._numbers = itertools.count()
        self._apis = [APIS[name] for name in apis]
        self._idle: list[dict[str, float]] = []
        self._metrics = self._scrape() is not None

    def cold(self) -> Exchange:
        """Check that nothing runs, then make the first request of this server's life."""
        if self._metrics:
            for _ in range(IDLE_SCRAPES):
                self._idle.append(self._engine.idle(self._scrape() or ""))
                time.sleep(IDLE_GAP_S)
        return self._request("cold", next(self._numbers))

    def measure(self) -> SpeedRecord:
        """Warm up until steady, make the measured requests, and write the record last."""
        self._warm_up()
        self._await_quiet()
        self._keep_scrape("metrics-before.prom")
        with Monitor() as monitor:
            ended = self._measured(monitor)
        self._keep_moments(monitor)
        self._await_quiet()
        self._keep_scrape("metrics-after.prom")
        record = SpeedRecord(
            plan=self._plan,
            launch_id=self._launch_id,
            engine=self._engine.name,
            metrics=self._metrics,
            idle_before=tuple(self._idle),
            engine_pids=self._meter.engine_pids(),
            accelerators=monitor.accelerators,
            ended=ended,
        )
        write_json(self._folder / "run.json", record)
        return record

    def _measured(self, monitor: Monitor) -> str:
        """Make the planned requests; returns `complete`, or what stopped them.

        The last third of the requests has the subjects of the first third, so that a drift of the box is no matter of
        what was asked.
        """
        cell = self._plan.requests // 3
        first = self._plan.requests - cell
        made: list[int] = []
        for n in range(self._plan.requests):
            number = next(self._numbers)
            made.append(number)
            exchange = self._request("measured", number, like=made[n - first] if n >= first else number)
            self._keep_moments(monitor)
            if exchange.error or exchange.status != 200:
                return exchange.error or f"status {exchange.status}"
        return "complete"

    def _warm_up(self) -> None:
        paces: list[float] = []
        for _ in range(self._plan.warmup_requests_max):
            pace = _pace(read_reply(self._request("warmup", next(self._numbers))))
            if pace is None:
                return
            paces.append(pace)
            last = paces[-STEADY_OVER:]
            if len(last) == STEADY_OVER and stdev(last) <= STEADY_SHARE * mean(last):
                return

    def _request(self, purpose: str, number: int, like: int | None = None) -> Exchange:
        """One request for text of the planned length, recorded with who used the processors meanwhile.

        Args:
            purpose: kept in the record.
            number: of the prompt; none is asked twice.
            like: the number of the prompt whose subject it takes; its own if left out.
        """
        text = prompt(self._plan.seed, number, self._plan.depth_tokens, number if like is None else like)
        exchange = self._post(purpose, text)
        while purpose == "cold" and len(self._apis) > 1 and exchange.status in NO_SUCH_API:
            self._apis.pop(0)
            exchange = self._post(purpose, text)
        return exchange

    def _post(self, purpose: str, text: str) -> Exchange:
        api = self._apis[0]
        with self._meter.measuring():
            exchange = self._client.request(
                "POST",
                api.path,
                api.body(self._model, text, self._plan),
                purpose=purpose,
                on_read=lambda t_ns, data: self._on_tokens(data.count(b"data: ")),
            )
        append_line(self._folder / "requests.jsonl", exchange)
        assert self._meter.window is not None
        line = Telemetry(purpose=purpose, request_id=exchange.id, cpu=self._meter.window)
        append_line(self._folder / "telemetry.jsonl", line)
        return exchange

    def _keep_moments(self, monitor: Monitor) -> None:
        for moment in monitor.fetch():
            append_line(self._folder / "telemetry.jsonl", moment)

    def _await_quiet(self) -> None:
        """Counters move when a request ends: wait until nothing runs before reading them."""
        deadline = time.monotonic() + QUIESCENCE_S
        while self._metrics and time.monotonic() < deadline:
            running = self._engine.idle(self._scrape() or "")
            if not any(value for name, value in running.items() if not name.endswith("_total")):
                return
            time.sleep(IDLE_GAP_S)

    def _scrape(self) -> str | None:
        if self._engine.metrics_path is None:
            return None
        exchange = self._client.get(self._engine.metrics_path)
        text = exchange.body().decode("utf-8", "replace")
        return text if exchange.status == 200 and "# TYPE" in text else None

    def _keep_scrape(self, name: str) -> None:
        if self._metrics:
            write_atomic(self._folder / name, (self._scrape() or "").encode())


def _pace(reply: Reply) -> float | None:
    """Events a second between the first and the last: enough to see whether a warm-up is over."""
    seen = [arrival.t_ns for arrival in reply.arrivals if arrival.visible]
    if len(seen) < 3 or seen[-1] == seen[0]:
        return None
    return (len(seen) - 1) * 1e9 / (seen[-1] - seen[0])
