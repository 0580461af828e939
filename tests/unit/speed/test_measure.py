"""The decode measurement against a scripted server: the order of things, and what is left as evidence."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onbox.box.gpus import Accelerator, GpuProcess
from onbox.engines.openai.attached import AttachedServer
from onbox.evidence.folder import read_lines
from onbox.evidence.records import Exchange, Moment, SpeedPlan, SpeedRecord, Telemetry
from onbox.speed import measure, scraping
from onbox.speed.measure import SpeedRun
from onbox.speed.monitor import Monitor
from onbox.speed.progress import SpeedProgress
from onbox.speed.prompts import prompt
from onbox.speed.telemetry import CpuMeter
from onbox.speed.time_plan import RequestPace, TimePlan
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from tests.doubles.server import ReceivedRequest, Wire, serving
from tests.doubles.waiting import until
from tests.exchanges import delta, event, usage_event

GAUGE = "# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running %d\n"
PLAN = SpeedPlan(requests=2, tokens=8, warmup_requests_max=3, seed=4)


@pytest.fixture(autouse=True)
def _no_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scraping, "IDLE_GAP_S", 0.0)


class Script:
    """A server with counters, which says how many requests run at each scrape, the last number again and again."""

    def __init__(
        self,
        *running: int,
        metrics: bool = True,
        fails_at: int = 0,
        raw: bool = True,
        chunks: int = 1,
        gap_s: float = 0.0,
    ) -> None:
        self.running = list(running) or [0]
        self.metrics = metrics
        self.fails_at = fails_at
        self.raw = raw
        self.chunks, self.gap_s = chunks, gap_s
        self.chats = 0

    def __call__(self, request: ReceivedRequest, wire: Wire) -> None:
        if request.path == "/metrics":
            running = self.running.pop(0) if len(self.running) > 1 else self.running[0]
            if self.metrics:
                wire.whole(200, (GAUGE % running).encode(), "text/plain")
            else:
                wire.whole(404, b"none")
            return
        if request.path == "/v1/completions" and not self.raw:
            wire.whole(404, {"error": "no such endpoint"})
            return
        self.chats += 1
        if self.chats == self.fails_at:
            wire.whole(503, {"error": "overloaded"})
            return
        pieces = [delta(content="x").encode()] * self.chunks
        wire.stream([*pieces, (usage_event(3, self.chunks) + event("[DONE]")).encode()], gap_s=self.gap_s)


class AsLong(Script):
    """A server that gives as many tokens as are asked for, at a pace."""

    def __call__(self, request: ReceivedRequest, wire: Wire) -> None:
        body = request.json() if request.method == "POST" else {}
        self.chunks = int(body.get("max_tokens", 1))
        super().__call__(request, wire)

    def __init__(self, gap_s: float) -> None:
        super().__init__(gap_s=gap_s)


def run(script: Script, folder: Path, plan: SpeedPlan = PLAN, **more: Any) -> tuple[SpeedRecord, list[tuple[str, str]]]:
    """The record, and (path, purpose or empty) of all that the server was asked."""
    with serving(script) as server, StampedClient(Endpoint.parse(server.url)) as client:
        speed = SpeedRun(client, AttachedServer(), "m", plan, folder, launch_id="abc", engine_pid=os.getpid(), **more)
        assert speed.cold().purpose == "cold"
        record = speed.measure()
    return record, [(request.method, request.path) for request in server.requests]


def exchanges(folder: Path) -> list[Exchange]:
    return [Exchange.model_validate(line) for line in read_lines(folder / "requests.jsonl")]


class TestSpeedRun:
    def test_a_server_without_raw_completions_is_measured_on_chat(self, tmp_path: Path) -> None:
        record, requests = run(Script(raw=False), tmp_path)
        posts = [path for method, path in requests if method == "POST"]
        assert posts == ["/v1/completions", *["/v1/chat/completions"] * 4]
        assert record.ended == "complete"
        whole = [exchange.request for exchange in exchanges(tmp_path) if exchange.status == 200]
        assert not any("ignore_eos" in request for request in whole)
        assert len({request["messages"][0]["content"] for request in whole}) == 4

    @pytest.mark.parametrize(("at_least_s", "least", "most"), [(0.0, 2, 2), (0.5, 3, 50), (60.0, 100, 100)])
    def test_a_fast_server_gets_as_many_requests_as_fill_the_time(
        self, at_least_s: float, least: int, most: int, tmp_path: Path
    ) -> None:
        """Each reply decodes for 20 ms or more; however fast it is, there is an end to it."""
        plan = PLAN.model_copy(update={"at_least_s": at_least_s})
        record, _ = run(Script(chunks=5, gap_s=0.005), tmp_path, plan)
        made = [exchange for exchange in exchanges(tmp_path) if exchange.purpose == "measured"]
        assert least <= len(made) <= most
        assert record.plan == plan.model_copy(update={"requests": len(made)})

    @pytest.mark.alone
    @pytest.mark.parametrize(
        ("gap_s", "fits"), [(0.001, True), (0.02, True), pytest.param(0.08, False, marks=pytest.mark.slow)]
    )
    def test_a_budget_settles_tokens_and_requests(self, gap_s: float, fits: bool, tmp_path: Path) -> None:
        plan = SpeedPlan(requests=6, tokens=64, warmup_requests_max=5, budget_s=4.0, least_tokens=16)
        lines: list[SpeedProgress] = []
        began = time.monotonic()
        record, _ = run(AsLong(gap_s), tmp_path, plan, on_progress=lines.append)
        took_s = time.monotonic() - began
        found = exchanges(tmp_path)
        assert [each.request["max_tokens"] for each in found[:2]] == [32, 32]
        assert {each.request["max_tokens"] for each in found[2:]} == {record.plan.tokens}
        assert sum(each.purpose == "measured" for each in found) == record.plan.requests == lines[-1].total
        assert lines[-1].done == record.plan.requests
        assert lines[0].note == record.planned
        assert ("more than the 4 s" in record.planned) is not fits
        if fits:
            assert took_s < 2 * 4.0
        else:
            assert (record.plan.requests, record.plan.tokens) == (4, 16)

    @pytest.mark.alone
    def test_a_second_round_follows_from_the_scatter_of_the_first(self, tmp_path: Path) -> None:
        plan = SpeedPlan(requests=4, tokens=16, warmup_requests_max=1, within=0.01)
        record, _ = run(AsLong(0.002), tmp_path, plan, half_width=lambda pairs: 0.0099)
        # (0.0099 / 0.007)^2 * 4 = 8.0008: nine.
        assert (record.first_round, record.wanted_requests, record.plan.requests) == (4, 9, 9)
        assert sum(each.purpose == "measured" for each in exchanges(tmp_path)) == 9

    @pytest.mark.alone
    @pytest.mark.parametrize(("half", "requests", "wanted"), [(0.006, 4, 4), (0.5, 100, 20_409), (None, 4, None)])
    def test_a_second_round_has_bounds(
        self, half: float | None, requests: int, wanted: int | None, tmp_path: Path
    ) -> None:
        plan = SpeedPlan(requests=4, tokens=4, warmup_requests_max=1, within=0.01)
        record, _ = run(AsLong(0.002), tmp_path, plan, half_width=lambda pairs: half)
        assert (record.plan.requests, record.wanted_requests) == (requests, wanted)

    def test_leaves_the_whole_record(self, tmp_path: Path) -> None:
        record, request = run(Script(), tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "metrics-after.prom",
            "metrics-before.prom",
            "requests.jsonl",
            "run.json",
            "telemetry.jsonl",
        ]
        assert SpeedRecord.model_validate_json((tmp_path / "run.json").read_text()) == record
        assert (record.ended, record.metrics, record.engine, record.launch_id) == ("complete", True, "attached", "abc")
        assert record.idle_before == ({"vllm:num_requests_running": 0.0},) * 3
        found = exchanges(tmp_path)
        # One event a reply shows no pace: one warm-up request is enough.
        assert [exchange.purpose for exchange in found] == ["cold", "warmup", "measured", "measured"]
        requests = [exchange.request for exchange in found]
        assert {(r["max_tokens"], r["seed"], r["temperature"], r["stream"]) for r in requests} == {(8, 4, 0, True)}
        assert len({r["prompt"] for r in requests}) == 4
        assert all(r["ignore_eos"] for r in requests)
        lines = list(read_lines(tmp_path / "telemetry.jsonl"))
        windows = [Telemetry.model_validate(line) for line in lines if "cpu" in line]
        assert [window.request_id for window in windows] == [exchange.id for exchange in found]
        moments = [Moment.model_validate(line) for line in lines if "cpu" not in line]
        measured = [exchange for exchange in found if exchange.purpose == "measured"]
        assert moments[0].t_ns <= measured[0].t0_ns
        assert moments[-1].t_ns >= measured[-1].t0_ns + (measured[-1].ended_ns or 0)
        assert os.getpid() in record.engine_pids
        assert [path for method, path in request if method == "POST"] == ["/v1/completions"] * 4
        assert request[-1] == ("GET", "/metrics")

    def test_counters_are_read_only_when_nothing_runs(self, tmp_path: Path) -> None:
        # First look, three looks for idleness, then two too early before the counters are kept.
        run(Script(0, 0, 0, 0, 1, 1, 0), tmp_path)
        for name in ("metrics-before.prom", "metrics-after.prom"):
            assert (tmp_path / name).read_text() == GAUGE % 0

    def test_a_server_that_never_gets_quiet_is_not_waited_for_for_ever(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(scraping, "QUIESCENCE_S", 0.05)
        record, _ = run(Script(2), tmp_path)
        assert record.ended == "complete"
        assert (tmp_path / "metrics-before.prom").read_text() == GAUGE % 2

    def test_a_server_without_counters(self, tmp_path: Path) -> None:
        record, request = run(Script(metrics=False), tmp_path)
        assert (record.metrics, record.idle_before, record.ended) == (False, (), "complete")
        assert not list(tmp_path.glob("*.prom"))
        assert [path for method, path in request if method == "GET"] == ["/metrics"]

    def test_an_error_ends_it_and_is_reported(self, tmp_path: Path) -> None:
        record, _ = run(Script(fails_at=3), tmp_path)
        assert record.ended == "status 503"
        assert [(e.purpose, e.status) for e in exchanges(tmp_path)] == [
            ("cold", 200),
            ("warmup", 200),
            ("measured", 503),
        ]

    @pytest.mark.parametrize(
        ("paces", "warmups"),
        [((10, 20, 20.1, 20.2, 99), 4), ((20, 20, 20), 3), ((10, 20, 30, 40, 50, 60, 70, 80, 90), 9)],
    )
    def test_warm_up_goes_on_until_three_paces_agree(
        self, paces: tuple[float, ...], warmups: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        left = iter(paces)
        monkeypatch.setattr(measure, "_decoded", lambda exchange: (next(left), 1.0))
        run(Script(), tmp_path, PLAN.model_copy(update={"warmup_requests_max": 9}))
        assert [e.purpose for e in exchanges(tmp_path)].count("warmup") == warmups

    def test_the_first_third_is_made_again_at_the_end(self, tmp_path: Path) -> None:
        run(Script(), tmp_path, PLAN.model_copy(update={"requests": 7}))
        prompts = [e.request["prompt"] for e in exchanges(tmp_path) if e.purpose == "measured"]
        first_words, subjects = zip(*(prompt.split("\n\n", 1) for prompt in prompts), strict=True)
        assert len(set(first_words)) == 7
        assert subjects[:2] == subjects[-2:]
        assert len(set(subjects)) == 5

    def test_warm_up_has_an_end(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        paces = iter(range(1, 100))
        monkeypatch.setattr(measure, "_decoded", lambda exchange: (next(paces), 1.0))
        run(Script(), tmp_path)
        assert [e.purpose for e in exchanges(tmp_path)].count("warmup") == 3

    @pytest.mark.parametrize(
        ("paces", "warmups"),
        [
            ((28, 27, 28, 31, 33, 34, 34.2, 32, 31, 28.5, 28.4, 28.5, 99), 12),
            ((28, 30, 28, 28.4, 28.9, 99), 5),
            (tuple(range(10, 99)), 5 + 20),
        ],
    )
    def test_far_from_steady_it_goes_on_while_there_is_time(
        self, paces: tuple[float, ...], warmups: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A slow stretch of the box is waited for; a scatter of 2 % is not; and there is an end."""
        left = iter(paces[1:])
        monkeypatch.setattr(measure, "_decoded", lambda exchange: (next(left), 1.0))
        monkeypatch.setattr(measure, "time_plan", lambda plan, pace, spent_s: TimePlan(8, 2, 4, 1.0, True, spare=20))
        monkeypatch.setattr(measure, "pace_of", lambda exchange: RequestPace(paces[0], 0.0))
        record, _ = run(Script(), tmp_path, PLAN.model_copy(update={"budget_s": 90.0}))
        assert [e.purpose for e in exchanges(tmp_path)].count("warmup") == warmups
        assert record.plan.warmup_requests_max == warmups

    def test_tokens_are_reported_for_live_views(self, tmp_path: Path) -> None:
        counts: list[int] = []
        tell: Callable[[int], None] = counts.append
        with serving(Script()) as server, StampedClient(Endpoint.parse(server.url)) as client:
            speed = SpeedRun(
                client, AttachedServer(), "m", PLAN, tmp_path, launch_id="a", engine_pid=None, on_tokens=tell
            )
            speed.cold()
        assert sum(counts) == 3


class TestPrompts:
    @given(st.integers(0, 2**31), st.integers(0, 50))
    def test_the_same_seed_gives_the_same_words(self, seed: int, number: int) -> None:
        assert prompt(seed, number) == prompt(seed, number)
        assert prompt(seed, number) != prompt(seed + 1, number)

    def test_no_two_prompts_of_a_measurement_begin_alike(self) -> None:
        firsts = [prompt(1, number, depth_tokens=500)[:14] for number in range(100)]
        assert len(set(firsts)) == 100

    def test_depth_is_about_as_many_tokens_as_asked(self) -> None:
        words = len(prompt(1, 0, depth_tokens=1000).split()) - len(prompt(1, 0).split())
        assert 700 < words < 1000


class TestMonitor:
    def test_looks_often_and_shows_what_there_is(self) -> None:
        early: list[Moment] = []

        def enough() -> bool:
            early.extend(monitor.fetch())
            return len(early) >= 5

        with Monitor(every_s=0.02) as monitor:
            until(enough)
        moments = [*early, *monitor.fetch()]
        stamps = [moment.t_ns for moment in moments]
        assert stamps == sorted(stamps)
        assert len(set(stamps)) == len(stamps)
        assert all(moment.late_s >= 0 for moment in moments)
        # Of two clocks that are read one after the other: whoever is held up in between reads more.
        assert min(moment.asleep_ns for moment in moments[1:]) == pytest.approx(moments[0].asleep_ns, abs=1e8)
        assert monitor.fetch() == []

    def test_lateness_is_noticed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        slow = Monitor(every_s=0.02)
        take = slow._moment

        def held(late_s: float) -> Moment:
            time.sleep(0.05)
            return take(late_s)

        with slow:
            monkeypatch.setattr(slow, "_moment", held)
            time.sleep(0.3)
        assert len(slow.fetch()) < 10, "a look that takes long is not made up for by more of them"

    def test_a_kernel_that_shows_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("onbox.speed.monitor.PROC", tmp_path)
        with Monitor() as monitor:
            pass
        assert {(len(moment.stalled_us), moment.swapped_pages) for moment in monitor.fetch()} == {(0, None)}

    def test_accelerators(self, monkeypatch: pytest.MonkeyPatch) -> None:
        gpu = Accelerator(0, "X", sm_clock_mhz=2400.0, throttle_reasons=(), processes=(GpuProcess(7, None),))
        monkeypatch.setattr("onbox.box.gpus.GpuWatch.read", lambda watch: (gpu,))
        with Monitor() as monitor:
            pass
        (observation,) = monitor.fetch()[0].gpus
        assert (observation.sm_clock_mhz, observation.power_w, observation.throttle_reasons, observation.pids) == (
            2400.0,
            None,
            (),
            (7,),
        )


class TestCpuMeter:
    def test_of_an_engine_that_is_not_seen_no_device_file_is_known(self) -> None:
        assert CpuMeter(None).opened_accelerator() is None
        assert CpuMeter(2**22 - 1).opened_accelerator() is None

    def measure(self, engine_pid: int | None, body: Callable[[], Any]) -> Any:
        meter = CpuMeter(engine_pid)
        with meter.measuring():
            body()
        return meter.window

    def test_own_time(self) -> None:
        def spin() -> None:
            end = time.process_time() + 0.2
            while time.process_time() < end:
                pass

        window = self.measure(None, spin)
        assert window.own_s == pytest.approx(0.2, abs=0.05)
        assert window.engine_s is None
        assert window.wall_s >= 0.19
        assert window.cores >= 1
