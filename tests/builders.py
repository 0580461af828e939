"""Small evidence folders for tests: a measurement, the records of a run, whole trials.

`build_trial(path)` makes a complete trial of two contenders; the functions above it make its parts.
"""

import atexit
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from onbox.atomic_files import write_atomic, write_json
from onbox.evidence.folder import TrialFolder, append_line
from onbox.evidence.records import (
    AgentEnd,
    AgentPlan,
    Changes,
    ContenderPlan,
    CpuWindow,
    EngineEnd,
    Exchange,
    ExpectedCost,
    GateEnd,
    LedgerKind,
    Moment,
    Phase,
    Plan,
    Preflight,
    PreflightCase,
    Probe,
    Role,
    RunRecord,
    SandboxReport,
    SpeedPlan,
    SpeedRecord,
    StandUp,
    TaskPlan,
    Telemetry,
)
from tests.exchanges import AT, SECOND_NS, call_reply, chat_request, delta, event, streamed, text_reply, usage_event
from tests.made_recipe import gguf_recipe

TASK_SHA256 = "a" * 64
GATE_SHA256 = "b" * 64
COHERENT = Preflight(
    cases=(
        PreflightCase(name="coherence", status="pass", detail="the reply names the number that was asked for"),
        PreflightCase(name="tool_call", status="pass", detail="one call, parsed"),
    ),
    tools=True,
)

# ---------------------------------------------------------------- speed


def speed_exchange(
    id: int, purpose: str, *, tok_s: float, tokens: int = 96, prefill_s: float = 0.2, start_s: float = 0.0
) -> Exchange:
    """One request of the decode measurement: a token a chunk, evenly spaced, llama.cpp's timings at the end."""
    decode_s = (tokens - 1) / tok_s
    timings = {
        "cache_n": 4,
        "prompt_n": 28,
        "prompt_ms": prefill_s * 1000,
        "predicted_n": tokens,
        "predicted_ms": decode_s * 1000,
    }
    chunks = [(prefill_s, delta(role="assistant", content=None))]
    chunks += [(prefill_s + n / tok_s, delta(content=f" w{n}")) for n in range(tokens)]
    end_s = prefill_s + decode_s
    last = usage_event(32, tokens, cached=4, timings=timings)
    chunks += [(end_s, delta("length")), (end_s, last), (end_s, event("[DONE]"))]
    prompt = [{"role": "user", "content": f"{id * 7919} is the number of this story. Tell it."}]
    request = chat_request(tools=(), messages=prompt, max_tokens=tokens, temperature=0)
    return streamed(chunks, id=id, purpose=purpose, start_s=start_s, request=request)


def metrics_text(
    tokens: int, seconds: float, prompt_tokens: int = 0, prompt_seconds: float = 0.0, cached_tokens: int = 0
) -> str:
    """llama.cpp's /metrics, the counters that matter."""
    values = {
        "prompt_tokens_total": prompt_tokens,
        "prompt_tokens_cached_total": cached_tokens,
        "prompt_seconds_total": f"{prompt_seconds:.6g}",
        "tokens_predicted_total": tokens,
        "tokens_predicted_seconds_total": f"{seconds:.6g}",
    }
    lines = [f"# TYPE llamacpp:{name} counter\nllamacpp:{name} {value}\n" for name, value in values.items()]
    return "".join(lines) + "# TYPE llamacpp:requests_processing gauge\nllamacpp:requests_processing 0\n"


@dataclass
class SpeedParts:
    """The files of `speed/N/`, as a test may bend them before they are written."""

    run: SpeedRecord
    exchanges: list[Exchange]
    metrics_before: str | None
    metrics_after: str | None
    telemetry: list[Telemetry]
    moments: list[Moment]

    def write(self, folder: Path) -> None:
        """Write the files of one measurement; `run.json` comes last."""
        for exchange in self.exchanges:
            append_line(folder / "requests.jsonl", exchange)
        for name, text in (("before", self.metrics_before), ("after", self.metrics_after)):
            if text is not None:
                write_atomic(folder / f"metrics-{name}.prom", text.encode())
        for line in (*self.telemetry, *self.moments):
            append_line(folder / "telemetry.jsonl", line)
        write_json(folder / "run.json", self.run)


def speed_parts(tok_s: float = 25.0, *, requests: int = 4, tokens: int = 96) -> SpeedParts:
    """A measurement with nothing wrong: one cold, one warm-up and `requests` measured requests."""
    purposes = ["cold", "warmup", *["measured"] * requests]
    decode_s = (tokens - 1) / tok_s
    turn_s = 0.5 + 1.25 * decode_s
    exchanges = [
        speed_exchange(n, purpose, tok_s=tok_s * (0.8 if purpose == "cold" else 1), tokens=tokens, start_s=n * turn_s)
        for n, purpose in enumerate(purposes, start=1)
    ]
    telemetry = [
        Telemetry(
            purpose=exchange.purpose,
            request_id=exchange.id,
            cpu=CpuWindow(
                wall_s=decode_s, cores=2, busy_s=1.94 * decode_s, engine_s=1.9 * decode_s, own_s=0.02 * decode_s
            ),
        )
        for exchange in exchanges
    ]
    return SpeedParts(
        run=SpeedRecord(
            plan=SpeedPlan(requests=requests, tokens=tokens),
            launch_id="launch-1",
            engine="llama.cpp",
            metrics=True,
            idle_before=({"requests_processing": 0.0, "requests_deferred": 0.0, "tokens_predicted_total": 0.0},) * 3,
            engine_pids=(4242,),
            accelerators=0,
            ended="complete",
        ),
        exchanges=exchanges,
        metrics_before=metrics_text(1000, 40.0),
        metrics_after=metrics_text(
            1000 + requests * tokens, 40.0 + requests * decode_s, 28 * requests, cached_tokens=4 * requests
        ),
        telemetry=telemetry,
        moments=quiet_moments(3 * turn_s, (requests + 3) * turn_s),
    )


def quiet_moments(begin_s: float, end_s: float, every_s: float = 0.15) -> list[Moment]:
    """Looks at a box on which nothing happens."""
    return [
        Moment(
            t_ns=round((begin_s + n * every_s) * SECOND_NS),
            late_s=0.0001,
            asleep_ns=7,
            stalled_us={"cpu": 1000 * n, "io": 5, "memory": 5},
            swapped_pages=3,
        )
        for n in range(round((end_s - begin_s) / every_s) + 2)
    ]


# ---------------------------------------------------------------- runs


def run_record(**changes: Any) -> RunRecord:
    """A run that passed; name what is different."""
    values: dict[str, Any] = {
        "contender": "small",
        "task": "rename",
        "task_sha256": TASK_SHA256,
        "arm": "baseline",
        "n": 1,
        "seed": 101,
        "launch_id": "launch-1",
        "started_at": AT,
        "seconds": 12.0,
        "agent": AgentEnd(stop="answered", turns=2, reply="Done."),
        "gate": GateEnd(exit_code=0, reason="ok", seconds=0.2, sha256=GATE_SHA256),
        "changes": Changes(files=1, lines_added=1, lines_removed=1),
        "sandbox": SandboxReport(name="bubblewrap", version="0.8.0", probes=(Probe(name="no_network", held=True),)),
        "engine_alive": True,
        "agent_s": 11.0,
        "command_s": 0.5,
    }
    return RunRecord.model_validate({**values, **changes})


def failed_gate(reason: str = "old_name_left") -> GateEnd:
    """A gate that said no."""
    return GateEnd(exit_code=1, reason=reason, seconds=0.2, sha256=GATE_SHA256)


LEAK = '<tool_call>\n{"name": "bash", "arguments": {"command": "ls"}}\n</tool_call>'


def scripted_run(
    kind: str, contender: str, task: str, n: int, arm: str = "baseline"
) -> tuple[RunRecord, list[Exchange]]:
    """One run by a letter: P passed, F failed at the gate, M failed without a call, L leaked call, I invalid."""
    seed = 100 + n
    calls = [call_reply(f"sed -i s/foo/bar/ main.py # {contender} {task} {seed}", id=1)]
    end = text_reply(f"I did {task}, attempt {seed}.", id=2, start_s=5.0)
    named = {"contender": contender, "task": task, "n": n, "seed": seed, "arm": arm}
    untouched = {"changes": Changes(files=0, lines_added=0, lines_removed=0), "gate": failed_gate()}
    match kind:
        case "P":
            return run_record(**named), [*calls, end]
        case "F":
            return run_record(**named, gate=failed_gate()), [*calls, end]
        case "M":
            claim = text_reply(f"All references have been renamed. {seed}", id=1)
            return run_record(**named, **untouched, seconds=5.0, agent=AgentEnd(stop="answered", turns=1)), [claim]
        case "L":
            leak = text_reply(f"{LEAK} {seed}", id=1)
            return run_record(**named, **untouched, seconds=4.0, agent=AgentEnd(stop="answered", turns=1)), [leak]
        case "I":
            return run_record(
                **named, gate=None, fault="the sandbox could not start: no user namespaces", fault_kind="sandbox"
            ), calls
    raise ValueError(f"no such kind of run: {kind}")


# ---------------------------------------------------------------- trials


@dataclass(frozen=True)
class Contender:
    """One contender of a trial, its runs as letters of `scripted_run`."""

    name: str
    role: Role
    runs: Mapping[str, str]
    """Task -> one letter a run: `{"rename": "PPF"}`."""
    speed: SpeedParts | None = None
    preflight: Preflight | None = COHERENT


SMALL = Contender("small", Role.INCUMBENT, {"rename": "PFM", "add-flag": "FFM", "fix-test": "PFF", "explain": "PPF"})
LARGE = Contender("large", Role.CHALLENGER, {"rename": "PPP", "add-flag": "PLP", "fix-test": "PPF", "explain": "PPI"})


def build_plan(contenders: Sequence[Contender], *, runs: int | None = None, kind: str = "trial") -> Plan:
    """The plan that the contenders' letters carry out."""
    tasks = list(dict.fromkeys(task for contender in contenders for task in contender.runs))
    longest = max((len(letters) for contender in contenders for letters in contender.runs.values()), default=1)
    return Plan(
        created_at=AT,
        onbox_version="0.1.0",
        kind=kind,
        contenders=tuple(ContenderPlan(name=c.name, role=c.role, recipe=gguf_recipe(c.name)) for c in contenders),
        tasks=tuple(TaskPlan(name=task, sha256=TASK_SHA256) for task in tasks),
        runs=runs or longest,
        agent=AgentPlan(version="0.1.0"),
        sandbox="bubblewrap",
        expected=ExpectedCost(seconds=300, download_bytes=0, memory_bytes=2 << 30, basis="24 runs of 12 s"),
    )


def write_run(folder: TrialFolder, record: RunRecord, exchanges: Sequence[Exchange]) -> Path:
    """Write one run and its line in the ledger; returns its folder."""
    path = folder.run_folder(record.contender, record.task, record.arm, record.n)
    for exchange in exchanges:
        append_line(path / "wire.jsonl", exchange)
    write_json(path / "run.json", record)
    folder.note(LedgerKind.ACCEPTED, path.relative_to(folder.path).as_posix())
    return path


def write_stand_up(folder: TrialFolder, contender: str) -> None:
    """Write how the contender's engine came up and went away."""
    record = StandUp(
        launch_id="launch-1",
        engine="llama.cpp",
        engine_version="b11549",
        argv=("llama-server", "--model", f"{contender}.gguf"),
        url="http://127.0.0.1:8089/v1",
        pid=4242,
        phases=(Phase(name="load", seconds=1.9), Phase(name="warm", seconds=0.4, detail="first token")),
        ready_s=2.3,
        props={"n_ctx": 4096},
        stopped=EngineEnd(at=AT, how="asked", exit_code=0, process_gone=True, port_closed=True),
    )
    write_json(folder.contender(contender) / "standup" / "phases.json", record)


def build_trial(
    path: Path, contenders: Sequence[Contender] = (SMALL, LARGE), *, runs: int | None = None, speed: bool = True
) -> TrialFolder:
    """Write a complete trial folder: plan, ledger, stand-up, preflight, speed and runs of every contender."""
    if contenders == (SMALL, LARGE) and runs is None and speed:
        # Most tests want this one: it is written once, and copied.
        shutil.copytree(_usual_trial(), path, dirs_exist_ok=True)
        return TrialFolder(path)
    return _write_trial(path, contenders, runs, speed)


@cache
def _usual_trial() -> Path:
    home = tempfile.mkdtemp(prefix="onbox-tests-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return _write_trial(Path(home, "trial"), (SMALL, LARGE), None, True).path


def _write_trial(path: Path, contenders: Sequence[Contender], runs: int | None, speed: bool) -> TrialFolder:
    folder = TrialFolder.create(path, build_plan(contenders, runs=runs))
    for position, contender in enumerate(contenders):
        write_stand_up(folder, contender.name)
        if contender.preflight:
            write_json(folder.contender(contender.name) / "preflight.json", contender.preflight)
        if speed:
            parts = contender.speed or speed_parts(25.0 / (position + 1))
            parts.write(folder.contender(contender.name) / "speed" / "1")
        for task, letters in contender.runs.items():
            for n, letter in enumerate(letters, start=1):
                write_run(folder, *scripted_run(letter, contender.name, task, n))
    return folder
