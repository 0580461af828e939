"""One decode measurement: idle check, cold request, warm-up, measured requests between two scrapes."""

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

from onbox.atomic_files import write_json
from onbox.engines import Engine
from onbox.engines.sequence_limit import reported_slots
from onbox.evidence.decode_rate import digest, pooled_tok_s
from onbox.evidence.folder import append_line
from onbox.evidence.records import Exchange, SpeedPlan, SpeedRecord, Telemetry
from onbox.speed.api_requests import APIS, USUAL
from onbox.speed.depths import DEPTH_REQUESTS, measure_depths
from onbox.speed.monitor import Monitor
from onbox.speed.progress import OnProgress, SpeedProgress
from onbox.speed.prompts import prompt
from onbox.speed.scraping import Scraper
from onbox.speed.telemetry import CpuMeter, with_wait
from onbox.speed.time_plan import COLD_TOKENS_MAX, pace_of, time_plan, words_of
from onbox.wire.client import StampedClient

STEADY_OVER = 3
STEADY_SHARE = 0.01
"""Warm-up is over when the rates of the last three requests have a smaller coefficient of variation."""

UNSTEADY_SHARE = 0.03
"""Above it, after as many as are usual, warm-up goes on while the budget has time to spare, until it is over."""

START_S = 600.0
SLOWEST_S_PER_TOKEN = 10.0
"""A request that takes longer than a start and its tokens at this pace is ended."""

REQUESTS_MAX = 100
"""However fast the server is."""

WITHIN_SHARE = 0.7
"""Of the uncertainty that is to be reached, what scatter may take: drift, lag and the like need room too."""
WITHIN_BUDGETS = 10.0
"""A second round takes at most so many times the budget."""

ROUNDS_MIN = 2
"""Of several requests at a time."""

NO_SUCH_API = (400, 404, 405, 422, 501)
"""A server that answers so does not have the API that it was asked by; the next one is tried."""

OnTokens = Callable[[int], None]
HalfWidth = Callable[[Sequence[tuple[float, float]]], float | None]
"""(amount, seconds) of each request -> half of the 95 percent interval of their ratio, relative to it."""


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
        apis: names of `onbox.speed.api_requests.APIS`, in the order in which they are tried.
        on_tokens: told the number of events in each read, for live views.
        on_progress: called after each request, for live views.
        half_width: how sure a rate is by its requests' scatter; None makes no second round.
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
        on_progress: OnProgress = lambda progress: None,
        half_width: HalfWidth | None = None,
    ) -> None:
        self._client = client
        request_s = START_S + SLOWEST_S_PER_TOKEN * plan.tokens
        client.limits = replace(client.limits, request_s=min(client.limits.request_s, request_s))
        self._engine = engine
        self._model = model
        self._plan = plan
        self._folder = folder
        self._launch_id = launch_id
        self._meter = CpuMeter(engine_pid)
        self._on_tokens = on_tokens
        self._on_progress = on_progress
        self._half_width = half_width
        self._planned = ""
        self._first_round: int | None = None
        self._wanted: int | None = None
        self._spent_s = self._each_s = 0.0
        self._spare = 0
        self._pairs: list[tuple[float, float] | None] = []
        self._numbers = itertools.count()
        self._apis = [APIS[name] for name in apis]
        self._scraper = Scraper(client, engine)
        self._idle: list[dict[str, float]] = []

    def cold(self) -> Exchange:
        """Check that nothing runs, then make the first request of this server's life; a short one, with a budget."""
        began_s = time.monotonic()
        self._idle = self._scraper.other_requests()
        text = prompt(self._plan.seed, next(self._numbers), self._plan.depth_tokens)
        with self._short():
            exchange = self._one("cold", text)
            while len(self._apis) > 1 and exchange.status in NO_SUCH_API:
                self._apis.pop(0)
                exchange = self._one("cold", text)
        self._spent_s = time.monotonic() - began_s
        return exchange

    def measure(self) -> SpeedRecord:
        """Warm up until steady, make the measured requests, and write the record last.

        How many requests are made is settled by the warm-up alone, before any of them: a measurement that went on until
        its own interval was narrow would stop where it liked. With `within` there is a second round, whose size follows
        from the scatter of the first alone (Stein 1945): the judge takes the scatter from there too.
        """
        paces = self._settle()
        self._plan = self._long_enough(self._warm_up(paces))
        with self._window(self._folder) as monitor:
            made: list[int] = []
            ended = self._one_by_one(monitor, made)
            if ended == "complete" and self._plan.within is not None and self._more(self._plan.within):
                ended = self._one_by_one(monitor, made)
        record = self._record(self._plan, monitor, ended)
        record = record.model_copy(update={"plan": record.plan.model_copy(update={"concurrency": self._fitting()})})
        if record.plan.concurrency and ended == "complete":
            # One at a time once more, so that a drift over the whole sweep shows.
            for concurrency in (*record.plan.concurrency, 1):
                self._cell(concurrency)
        if self._plan.depths:
            wanted = self._plan.depths if ended == "complete" else ()
            alone = (self._plan.depth_tokens, self._each_s)
            depths = measure_depths(wanted, alone, self._plan.budget_s, self._depth, self._say)
            record = record.model_copy(update={"plan": record.plan.model_copy(update={"depths": depths})})
        write_json(self._folder / "run.json", record)
        return record

    # ------------------------------------------------------------ one at a time

    def _settle(self) -> list[float]:
        """With a budget: tokens and requests, by the pace of one short request, which is the first of the warm-up.

        Returns:
            Its pace in a list; an empty one where there is no budget.
        """
        plan = self._plan
        if plan.budget_s is None:
            return []
        began_s = time.monotonic()
        with self._short():
            exchange = self._one("warmup", self._prompt(next(self._numbers)))
        pace = pace_of(exchange)
        if pace is None:
            self._planned = "the first requests show no pace to plan by"
            return []
        self._spent_s += time.monotonic() - began_s
        found = time_plan(plan, pace, self._spent_s)
        settled = {"tokens": found.tokens, "requests": found.requests, "warmup_requests_max": found.warm_ups + 1}
        self._plan = plan.model_copy(update=settled)
        self._spare = found.spare
        self._planned = words_of(plan, found, pace)
        self._on_progress(SpeedProgress(0, found.requests, found.expected_s, self._planned))
        return [pace.tok_s]

    def _warm_up(self, paces: list[float]) -> float | None:
        """Seconds that the last request decoded for; None: that could not be seen.

        Where the pace is far from steady after as many as are usual, more are made in the time that the budget has to
        spare: a slow stretch of the box at the start is then no part of the rate. When to begin is settled before any
        request that counts.
        """
        span_s = self._plan.tokens / paces[-1] if paces else None
        most = self._plan.warmup_requests_max
        while len(paces) < most:
            pair = _decoded(self._one("warmup", self._prompt(next(self._numbers))))
            pace = pooled_tok_s([pair]) if pair else None
            if pair is None or pace is None:
                return None
            span_s = pair[1]
            paces.append(pace)
            if _spread(paces) <= STEADY_SHARE:
                break
            if len(paces) == most and UNSTEADY_SHARE < _spread(paces) < math.inf:
                most, self._spare = most + self._spare, 0
        if len(paces) > self._plan.warmup_requests_max:
            self._plan = self._plan.model_copy(update={"warmup_requests_max": len(paces)})
        return span_s

    def _long_enough(self, span_s: float | None) -> SpeedPlan:
        if span_s is None:
            return self._plan
        enough = min(REQUESTS_MAX, math.ceil(self._plan.at_least_s / span_s))
        return self._plan.model_copy(update={"requests": max(self._plan.requests, enough)})

    def _one_by_one(self, monitor: Monitor, made: list[int]) -> str:
        """Make those of the planned requests that are not made yet; returns `complete`, or what stopped them.

        The last third of the requests has the subjects of the first third, so that a drift of the box is no matter of
        what was asked.

        Args:
            made: the numbers of the prompts so far; filled here.
        """
        first_again = self._plan.requests - self._plan.requests // 3
        began_s, before = time.monotonic(), len(made)
        for n in range(before, self._plan.requests):
            made.append(next(self._numbers))
            like = made[n - first_again] if n >= first_again else made[n]
            exchange = self._one("measured", self._prompt(made[n], like))
            if self._plan.within is not None:
                self._pairs.append(_decoded(exchange))
            self._keep_moments(self._folder, monitor)
            if problem := _problem(exchange):
                return problem
            each_s = (time.monotonic() - began_s) / (len(made) - before)
            left = self._plan.requests - len(made)
            self._on_progress(SpeedProgress(len(made), self._plan.requests, left * each_s))
        self._each_s = (time.monotonic() - began_s) / max(1, len(made) - before)
        return "complete"

    def _more(self, within: float) -> bool:
        """Settle by the scatter of the first round how many requests there are in all; whether any follow."""
        pairs = [pair for pair in self._pairs if pair]
        half = self._half_width(pairs) if self._half_width and len(pairs) == len(self._pairs) else None
        if half is None:
            return False
        self._first_round = len(pairs)
        self._wanted = max(len(pairs), math.ceil(len(pairs) * (half / (WITHIN_SHARE * within)) ** 2))
        most = REQUESTS_MAX
        if self._plan.budget_s is not None:
            most = min(most, math.floor(WITHIN_BUDGETS * self._plan.budget_s / self._each_s))
        total = max(len(pairs), min(self._wanted, most))
        self._plan = self._plan.model_copy(update={"requests": total})
        left_s = (total - len(pairs)) * self._each_s
        few = f"; {self._wanted} would be needed" if self._wanted > total else ""
        note = f"known to {half:.1%} by its scatter: {total - len(pairs)} requests more for {within:.1%}{few}"
        self._on_progress(SpeedProgress(len(pairs), total, left_s, note))
        return total > len(pairs)

    @contextmanager
    def _short(self) -> Iterator[None]:
        """With a budget, requests are short in here: what they show is needed before they may take long."""
        plan = self._plan
        if plan.budget_s is not None:
            self._plan = plan.model_copy(update={"tokens": min(plan.tokens, COLD_TOKENS_MAX)})
        try:
            yield
        finally:
            self._plan = plan

    def _one(self, purpose: str, text: str) -> Exchange:
        """One request, recorded with who used the processors meanwhile."""
        return self._made(self._folder, purpose, text)

    # ------------------------------------------------------------ several at a time

    def _fitting(self) -> tuple[int, ...]:
        """Numbers of requests at a time; for what bounds a rate only those that the server says it has room for."""
        wanted = self._plan.concurrency
        room = reported_slots(self._engine.props(self._client)) if self._plan.depths and wanted else None
        if room is None or room >= max(wanted):
            return wanted
        self._say(f"the server has room for {room} at a time: more are not measured")
        return tuple(number for number in wanted if number <= room)

    def _cell(self, concurrency: int) -> None:
        """Rounds of so many requests at once, with evidence of their own; the first round is a warm-up."""
        folder = self._folder / f"at-{concurrency}"
        rounds = max(ROUNDS_MIN, -(-self._plan.requests // concurrency))
        plan = self._plan.model_copy(update={"requests": rounds * concurrency, "concurrency": ()})
        idle = self._scraper.other_requests()
        ids = itertools.count(1)
        with ExitStack() as stack:
            clients = [stack.enter_context(self._another_client()) for _ in range(concurrency)]
            pool = stack.enter_context(ThreadPoolExecutor(concurrency))

            def together(purpose: str) -> str:
                texts = [self._prompt(next(self._numbers)) for _ in clients]
                with self._meter.measuring():
                    made = list(pool.map(lambda client, text: self._post(client, purpose, text), clients, texts))
                for exchange, wait_s in made:
                    self._keep(folder, exchange.model_copy(update={"id": next(ids)}), wait_s)
                return next((problem for exchange, _ in made if (problem := _problem(exchange))), "")

            began_s = time.monotonic()
            together("warmup")
            left_s = rounds * (time.monotonic() - began_s)
            self._on_progress(SpeedProgress(0, plan.requests, left_s, f"{concurrency} at a time"))
            with self._window(folder) as monitor:
                ended, began_s = "", time.monotonic()
                for n in range(1, rounds + 1):
                    ended = together("measured")
                    self._keep_moments(folder, monitor)
                    left_s = (rounds - n) * (time.monotonic() - began_s) / n
                    self._on_progress(SpeedProgress(n * concurrency, plan.requests, left_s))
                    if ended:
                        break
        write_json(folder / "run.json", self._record(plan, monitor, ended or "complete", concurrency, idle))

    # ------------------------------------------------------------ deeper

    def _depth(self, depth: int, limit_s: float | None) -> tuple[float | None, bool]:
        """A few requests after so much context, with evidence of their own; the first one shows whether there is time.

        Args:
            limit_s: seconds that a request may take; None: any.

        Returns:
            (seconds that the first took; None: it failed, whether the others were made and none failed)
        """
        folder, whole = self._folder / f"depth-{depth}", self._plan
        self._plan = whole.model_copy(
            update={"depth_tokens": depth, "requests": DEPTH_REQUESTS, "within": None, "concurrency": (), "depths": ()}
        )
        try:
            idle, began_s = self._scraper.other_requests(), time.monotonic()
            tried = self._made(folder, "warmup", self._prompt(next(self._numbers)))
            took_s = time.monotonic() - began_s
            if _problem(tried):
                self._say(f"depth {depth}: {_problem(tried)}: not measured")
                return None, False
            if limit_s is not None and took_s > limit_s:
                needs_s = math.ceil(DEPTH_REQUESTS * took_s)
                what = f"depth {depth}: {DEPTH_REQUESTS} requests would take {needs_s} s"
                self._say(f"{what}: not measured (--budget {needs_s})")
                return took_s, False
            self._on_progress(SpeedProgress(0, DEPTH_REQUESTS, DEPTH_REQUESTS * took_s, f"depth {depth}"))
            ended = ""
            with self._window(folder) as monitor:
                for n in range(1, DEPTH_REQUESTS + 1):
                    ended = _problem(self._made(folder, "measured", self._prompt(next(self._numbers))))
                    self._keep_moments(folder, monitor)
                    self._on_progress(SpeedProgress(n, DEPTH_REQUESTS, (DEPTH_REQUESTS - n) * took_s))
                    if ended:
                        break
            write_json(folder / "run.json", self._record(self._plan, monitor, ended or "complete", 1, idle))
            return took_s, not ended
        finally:
            self._plan = whole

    def _say(self, note: str) -> None:
        self._on_progress(SpeedProgress(0, 0, None, note))

    def _made(self, folder: Path, purpose: str, text: str) -> Exchange:
        with self._meter.measuring():
            exchange, wait_s = self._post(self._client, purpose, text)
        self._keep(folder, exchange, wait_s)
        return exchange

    def _another_client(self) -> StampedClient:
        client = self._client
        return StampedClient(client.endpoint, read_timeout_s=client.read_timeout_s, limits=client.limits)

    # ------------------------------------------------------------ what they share

    def _prompt(self, number: int, like: int | None = None) -> str:
        return prompt(self._plan.seed, number, self._plan.depth_tokens, like)

    def _post(self, client: StampedClient, purpose: str, text: str) -> tuple[Exchange, float | None]:
        """A request, and how long this thread waited for a processor meanwhile, in seconds."""
        api = self._apis[0]
        return with_wait(
            lambda: client.request(
                "POST",
                api.path,
                api.body(self._model, text, self._plan),
                purpose=purpose,
                on_read=lambda t_ns, data: self._on_tokens(data.count(b"data: ")),
            )
        )

    @contextmanager
    def _window(self, folder: Path) -> Iterator[Monitor]:
        """Scrape, watch the box, and scrape again when nothing runs any more."""
        self._scraper.await_quiet()
        self._scraper.keep(folder / "metrics-before.prom")
        with Monitor() as monitor:
            yield monitor
        self._keep_moments(folder, monitor)
        self._scraper.await_quiet()
        self._scraper.keep(folder / "metrics-after.prom")

    def _keep(self, folder: Path, exchange: Exchange, wait_s: float | None) -> None:
        assert self._meter.window is not None
        window = self._meter.window.model_copy(update={"reader_wait_s": wait_s})
        append_line(folder / "requests.jsonl", exchange)
        line = Telemetry(purpose=exchange.purpose, request_id=exchange.id, cpu=window)
        append_line(folder / "telemetry.jsonl", line)

    def _keep_moments(self, folder: Path, monitor: Monitor) -> None:
        for moment in monitor.fetch():
            append_line(folder / "telemetry.jsonl", moment)

    def _record(
        self,
        plan: SpeedPlan,
        monitor: Monitor,
        ended: str,
        concurrency: int = 1,
        idle: Sequence[dict[str, float]] | None = None,
    ) -> SpeedRecord:
        return SpeedRecord(
            plan=plan,
            launch_id=self._launch_id,
            engine=self._engine.name,
            metrics=self._scraper.offered,
            profile=self._scraper.profile(),
            idle_before=tuple(self._idle if idle is None else idle),
            engine_pids=self._meter.engine_pids(),
            accelerators=monitor.accelerators,
            opened_accelerator=self._meter.opened_accelerator(),
            concurrency=concurrency,
            first_round=self._first_round if plan.within is not None and concurrency == 1 else None,
            wanted_requests=self._wanted if plan.within is not None and concurrency == 1 else None,
            planned=self._planned,
            ended=ended,
        )


def _spread(paces: Sequence[float]) -> float:
    """Coefficient of variation of the last few; above any limit where there are fewer."""
    last = paces[-STEADY_OVER:]
    return stdev(last) / mean(last) if len(last) == STEADY_OVER else math.inf


def _problem(exchange: Exchange) -> str:
    """What ends a measurement; empty for an answer."""
    return exchange.error or ("" if exchange.status == 200 else f"status {exchange.status}")


def _decoded(exchange: Exchange) -> tuple[float, float] | None:
    """Tokens of one request and the seconds that they took, as the judge takes them; None where it shows no rate."""
    return digest(exchange).decoded
