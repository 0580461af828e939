"""Whatever a server answers, speed, preflight, the agent and the proxy come to an end, in time and without a traceback.

`ONBOX_FUZZ=500` asks for so many seeds of each instead of the few that CI takes.
"""

import gc
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from onbox import preflight
from onbox.bench.agents.builtin import Builtin
from onbox.bench.runner import Bench
from onbox.bench.sandbox.none import Unsafe
from onbox.bench.tasks import load_tasks
from onbox.cli.ui.console import err
from onbox.engines.openai.attached import AttachedServer
from onbox.engines.served import who_serves
from onbox.errors import OnboxError
from onbox.evidence.folder import TrialFolder, read_lines
from onbox.evidence.load import load_speed
from onbox.evidence.records import AgentPlan, Exchange, Limits, SandboxReport, SpeedPlan
from onbox.evidence.replies import read_reply
from onbox.judge.runs.attribution import attribute
from onbox.judge.speed.measurement import measure
from onbox.speed import scraping
from onbox.speed.measure import SpeedRun
from onbox.watch.engine_counters import MetricsServer
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from onbox.wire.proxy import RecordingProxy
from tests.fuzz.hostile import DEEP, ESCAPE, KINDS, LIMITS, READ_TIMEOUT_S, HostileServer, hostile

SEEDS = int(os.environ.get("ONBOX_FUZZ", "12"))
EACH_S = 60.0
MEMORY_BYTES = 300 * 2**20
PLAN = SpeedPlan(requests=1, tokens=16, warmup_requests_max=1)

(TASK,) = load_tasks("builtin", ["fill-json"])


def client(server: HostileServer) -> StampedClient:
    return StampedClient(Endpoint.parse(server.url), 1.0, READ_TIMEOUT_S, LIMITS)


def speed(server: HostileServer, folder: Path) -> str:
    """A measurement, and what the judge says of its evidence."""
    with client(server) as connection:
        run = SpeedRun(
            connection, AttachedServer(), "m", PLAN, folder / "m" / "speed" / "1", launch_id="x", engine_pid=None
        )
        run.cold()
        run.measure()
    evidence = load_speed(TrialFolder(folder), "m")
    assert evidence is not None
    result = measure(evidence)
    json.dumps(result.model_dump(mode="json"), allow_nan=False)
    return result.status.value


def ask_first(server: HostileServer, folder: Path) -> str:
    """All questions of preflight, shown."""
    screen = err()
    with client(server) as connection:
        served = who_serves(connection, None)
        if served is None:
            return "no server"
        record, exchanges = preflight.long(
            connection, "m", served, lambda case: screen.line(case.detail, indent=9, wrap=True)
        )
    json.dumps([each.model_dump(mode="json") for each in (record, *exchanges)], allow_nan=False)
    return "tools" if record.tools else "no tools"


def pass_through(server: HostileServer, folder: Path) -> str:
    """Requests of an agent through the proxy, the odd ones too, and their record."""
    bodies: tuple[object, ...] = ({"model": "m", "stream": True}, {"deep": json.loads("[" * 90 + "]" * 90)}, ESCAPE)
    with (
        RecordingProxy(Endpoint.parse(server.url), limits=LIMITS) as proxy,
        proxy.recording("a", folder / "wire.jsonl") as endpoint,
        StampedClient(endpoint, 1.0, 5.0) as agent,
    ):
        ends = [agent.post("/chat/completions", body, purpose="x") for body in bodies]
    records = [Exchange.model_validate(line) for line in read_lines(folder / "wire.jsonl")]
    assert len(records) >= 1
    assert all(read_reply(each) is not None for each in (*records, *ends))
    return "broken" if any(each.error for each in records) else "whole"


def work(server: HostileServer, folder: Path) -> str:
    """One run of the built-in agent, and who is to blame for its end."""
    with RecordingProxy(Endpoint.parse(server.url), limits=LIMITS) as proxy:
        bench = Bench(
            contender="m",
            model="m",
            sampling={},
            agent=Builtin(),
            plan=AgentPlan(version="1", limits=Limits(turns=3, wall_s=6.0, command_s=2.0)),
            proxy=proxy,
            sandbox=Unsafe(),
            sandbox_report=SandboxReport(name="none"),
            launch_id="life",
            alive=lambda: True,
        )
        record = bench.run(TASK, "baseline", 1, 1, folder / "run")
    exchanges = [Exchange.model_validate(line) for line in read_lines(folder / "run" / "wire.jsonl")]
    return attribute(record, exchanges).code


def look_at_counters(server: HostileServer, folder: Path) -> str:
    """A look of the watch: it may take a few seconds, whatever comes."""
    metrics, began = MetricsServer(server.url), time.monotonic()
    up, counts = metrics.up(), metrics.tokens()
    assert time.monotonic() - began < 30
    return f"{'up' if up else 'down'}, {'no counters' if counts is None else 'counters'}"


Target = Callable[[HostileServer, Path], str]
TARGETS: tuple[Target, ...] = (speed, ask_first, pass_through, work, look_at_counters)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scraping, "IDLE_GAP_S", 0.0)
    monkeypatch.setattr(scraping, "QUIESCENCE_S", 0.1)
    monkeypatch.setattr(preflight, "PATIENCE_S", 3.0)


@pytest.fixture
def memory() -> Iterator[None]:
    """What is left over after a test is bounded."""
    gc.collect()
    before = psutil.Process().memory_info().rss
    yield
    gc.collect()
    assert psutil.Process().memory_info().rss - before < MEMORY_BYTES


@pytest.mark.timeout(0)
@pytest.mark.parametrize("target", TARGETS)
def test_any_reply_ends_in_an_outcome(target: Target, tmp_path: Path, memory: None) -> None:
    outcomes: Counter[str] = Counter()
    longest_s = 0.0
    for seed in range(SEEDS):
        kind = list(KINDS)[seed % len(KINDS)] if seed < 2 * len(KINDS) else None
        outcome, took_s = carried_out(target, seed, kind, tmp_path / str(seed))
        outcomes[outcome] += 1
        longest_s = max(longest_s, took_s)
    print(f"{target.__name__}: {dict(outcomes.most_common())}; longest {longest_s:.1f} s")
    assert sum(outcomes.values()) == SEEDS


def carried_out(target: Target, seed: int, kind: str | None, folder: Path) -> tuple[str, float]:
    began = time.monotonic()
    try:
        with hostile(seed, kind) as server:
            outcome = target(server, folder)
    except OnboxError as error:
        outcome = type(error).__name__
    except Exception as error:
        raise AssertionError(f"seed {seed} ({kind}): {type(error).__name__}: {error}") from error
    took_s = time.monotonic() - began
    assert took_s < EACH_S, f"seed {seed} ({kind}) took {took_s:.0f} s"
    return outcome, took_s


@pytest.mark.parametrize(
    "data",
    [
        "5",
        "[5]",
        "{}",
        "null",
        '"x"',
        "[" * DEEP,
        "1" + "0" * 400,
        '[{"id": 5}]',
        '[{"id": "m", "max_model_len": 1e999}]',
    ],
)
def test_what_a_server_says_of_its_models_may_be_anything(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import tests.fuzz.hostile as double

    text = f'{{"data": {data}}}'
    monkeypatch.setitem(double.KINDS, "models", lambda to, source, path: double.whole(to, text.encode(), b""))
    with hostile(1, "models") as server, client(server) as connection:
        served = who_serves(connection, None)
    assert served is not None
    assert all(isinstance(name, str) for name in served.models)
    assert served.context_tokens is None
