"""A trial's folder, read once into typed records: all that the judge is given.

The judge opens nothing. What it needs of a folder is here, and each file of it is read once.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onbox.errors import UsageError
from onbox.evidence.claims import NAME as CLAIMS
from onbox.evidence.claims import Claim, read_claims
from onbox.evidence.folder import TrialFolder, read_lines
from onbox.evidence.records import (
    Ceiling,
    ContenderPlan,
    CpuWindow,
    Exchange,
    GuardStopped,
    LedgerEntry,
    Moment,
    Plan,
    Preflight,
    PreflightCase,
    RunRecord,
    SightFacts,
    SightTry,
    SpeedRecord,
    StandUp,
    Telemetry,
)


@dataclass(frozen=True)
class SpeedEvidence:
    """The files of one measurement, read and not yet judged.

    Args:
        where: the folder, relative to the trial folder.
        run: `run.json`.
        exchanges: `requests.jsonl`.
        metrics_before: Prometheus text scraped just before the measured window; None when there is none.
        metrics_after: the same just after it.
        cpu: who used the processors, by request id.
        moments: what the box did meanwhile.
        coherence: the preflight's probe for sense, of the same server lifetime; None when it was not asked.
        model_name: the preflight's case of a model that the server does not list; None when it does.
        ceiling: what bounds the rate; None when the weights are not known.
        cells: the same of other numbers of requests at a time.
        depths: the same of other depths.
        without_sense: the weights are random on purpose, by the recipe.
    """

    where: str
    run: SpeedRecord
    exchanges: tuple[Exchange, ...]
    metrics_before: str | None
    metrics_after: str | None
    cpu: dict[int, CpuWindow]
    moments: tuple[Moment, ...]
    coherence: PreflightCase | None
    ceiling: Ceiling | None
    cells: "tuple[SpeedEvidence, ...]" = ()
    depths: "tuple[SpeedEvidence, ...]" = ()
    without_sense: bool = False
    model_name: PreflightCase | None = None


@dataclass(frozen=True)
class RunEvidence:
    """One finished run.

    Args:
        record: `run.json`.
        exchanges: `wire.jsonl`.
        replays: `replay.jsonl`, where the run's last request was sent again.
    """

    record: RunRecord
    exchanges: tuple[Exchange, ...]
    replays: tuple[Exchange, ...] = ()


@dataclass(frozen=True)
class EngineLife:
    """One lifetime of an engine.

    Args:
        standup: `phases.json`.
        guard: what the guard saw, of a life that it ended; None: it did not, or left no account.
    """

    standup: StandUp
    guard: GuardStopped | None = None


@dataclass(frozen=True)
class TryEvidence:
    """One question about a picture.

    Args:
        where: its folder, relative to the trial folder.
        asked: `run.json`.
        exchange: `wire.jsonl`; None where it was cut off.
    """

    where: str
    asked: SightTry
    exchange: Exchange | None


@dataclass(frozen=True)
class SightEvidence:
    """What was shown to a contender.

    Args:
        facts: `see.json`.
        tries: in their order.
        coherence: the preflight's probe for sense; None: it was not asked.
    """

    facts: SightFacts
    tries: tuple[TryEvidence, ...]
    coherence: PreflightCase | None = None


@dataclass(frozen=True)
class ContenderEvidence:
    """All that was seen of one contender.

    Args:
        plan: as it was frozen.
        runs: the finished ones, in the order of task, arm and number, those that the plan does not name included.
        speeds: the finished measurements, in their order.
        lives: of its engine, the last one on the trial's own box under `last_life` too.
        last_life: None: the engine's start was not seen.
        sight: what was shown to it; None: nothing was, or not to the end.
        model_name: the preflight's case of a model that the server does not list; None when it does.
    """

    plan: ContenderPlan
    runs: tuple[RunEvidence, ...]
    speeds: tuple[SpeedEvidence, ...]
    lives: tuple[EngineLife, ...]
    last_life: StandUp | None
    sight: SightEvidence | None = None
    model_name: PreflightCase | None = None


@dataclass(frozen=True)
class TrialEvidence:
    """A whole trial.

    Args:
        plan: `plan.yaml`.
        ledger: `ledger.jsonl`.
        contenders: in the order of the plan.
        claims: `claims.yaml`.
        box: `box.json`, as it was parsed; None: it is not there, or no JSON.
    """

    plan: Plan
    ledger: tuple[LedgerEntry, ...]
    contenders: tuple[ContenderEvidence, ...]
    claims: tuple[Claim, ...] = ()
    box: Any = None


def load_trial(folder: TrialFolder, *, runs: bool = True) -> TrialEvidence:
    """Read the folder of a trial.

    Args:
        folder: of the trial.
        runs: whether these are read too; of a long trial they do not fit into memory, so that each is read by itself
            (`TrialFolder.run`, `load_run`) and let go.

    Raises:
        UsageError: a record cannot be read; the message names the file and the field.
    """
    plan, claims = folder.plan(), folder.path / CLAIMS
    return TrialEvidence(
        plan=plan,
        ledger=tuple(folder.ledger()),
        contenders=tuple(load_contender(folder, contender, runs=runs) for contender in plan.contenders),
        claims=read_claims(claims).claims if claims.is_file() else (),
        box=_box(folder.path / "box.json"),
    )


def load_contender(folder: TrialFolder, contender: ContenderPlan, *, runs: bool = True) -> ContenderEvidence:
    """Read the folder of a contender; see `load_trial`."""
    home = folder.contender(contender.name)
    numbers = sorted(int(path.name) for path in (home / "speed").glob("*") if path.name.isdecimal())
    speeds = (load_speed(folder, contender.name, number) for number in numbers)
    return ContenderEvidence(
        plan=contender,
        runs=tuple(load_run(folder, record) for record in folder.runs(contender.name)) if runs else (),
        speeds=tuple(speed for speed in speeds if speed is not None),
        lives=load_lives(folder, contender.name),
        last_life=folder.read_if_there(StandUp, home / "standup" / "phases.json"),
        model_name=_case(folder, contender.name, "model"),
        sight=load_sight(folder, contender.name),
    )


def load_sight(folder: TrialFolder, contender: str) -> SightEvidence | None:
    """Read `CONTENDER/vision`; None where it was not asked to its end."""
    home = folder.contender(contender) / "vision"
    facts = folder.read_if_there(SightFacts, home / "see.json")
    if facts is None:
        return None
    numbers = sorted(int(path.parent.name) for path in home.glob("*/run.json") if path.parent.name.isdecimal())
    tries = []
    for number in numbers:
        at = home / str(number)
        exchanges = folder.exchanges(at / "wire.jsonl")
        attempt = folder.read(SightTry, at / "run.json")
        tries.append(TryEvidence(at.relative_to(folder.path).as_posix(), attempt, next(iter(exchanges), None)))
    return SightEvidence(facts, tuple(tries), _case(folder, contender, "coherence"))


def load_run(folder: TrialFolder, record: RunRecord) -> RunEvidence:
    """Read what was recorded beside a `run.json`."""
    path = folder.run_folder(record.contender, record.task, record.arm, record.n)
    return RunEvidence(
        record=record,
        exchanges=tuple(folder.exchanges(path / "wire.jsonl")),
        replays=tuple(folder.exchanges(path / "replay.jsonl")) if record.replay else (),
    )


def load_lives(folder: TrialFolder, contender: str) -> tuple[EngineLife, ...]:
    """Read every lifetime of a contender's engine, on this box and on the nodes of a cluster."""
    home = folder.contender(contender)
    return tuple(_lives(folder, [*home.glob("standup*/phases.json"), *home.glob("nodes/*/standup*/phases.json")]))


def _lives(folder: TrialFolder, paths: list[Path]) -> Iterator[EngineLife]:
    for path in sorted(paths):
        life = folder.read(StandUp, path)
        ended = life.stopped is not None and life.stopped.how == "guard"
        yield EngineLife(life, folder.read_if_there(GuardStopped, path.with_name("guard.json")) if ended else None)


def _box(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def load_speed(folder: TrialFolder, contender: str, n: int = 1) -> SpeedEvidence | None:
    """Read `CONTENDER/speed/N/` and the contender's preflight; None when the measurement was not finished.

    Raises:
        UsageError: a file holds something else than it should.
    """
    whole = _speed(folder, contender, folder.contender(contender) / "speed" / str(n))
    if whole is None:
        return None
    at = (*whole.run.plan.concurrency, 1) if whole.run.plan.concurrency else ()
    cells = (_speed(folder, contender, folder.path / whole.where / f"at-{concurrency}") for concurrency in at)
    # A ceiling holds for one sequence: how many experts several of them read together is not known.
    deeper = (_speed(folder, contender, folder.path / whole.where / f"depth-{n}") for n in whole.run.plan.depths)
    return replace(
        whole,
        cells=tuple(replace(cell, ceiling=None) for cell in cells if cell is not None),
        depths=tuple(replace(depth, ceiling=None) for depth in deeper if depth is not None),
    )


def _speed(folder: TrialFolder, contender: str, path: Path) -> SpeedEvidence | None:
    run = folder.read_if_there(SpeedRecord, path / "run.json")
    if run is None:
        return None
    windows, moments = _telemetry(path / "telemetry.jsonl")
    return SpeedEvidence(
        where=path.relative_to(folder.path).as_posix(),
        run=run,
        exchanges=tuple(folder.exchanges(path / "requests.jsonl")),
        metrics_before=_text(path / "metrics-before.prom"),
        metrics_after=_text(path / "metrics-after.prom"),
        cpu=windows,
        moments=moments,
        coherence=_case(folder, contender, "coherence"),
        ceiling=folder.read_if_there(Ceiling, folder.contender(contender) / "fit.json"),
        without_sense=_without_sense(folder, contender),
        model_name=_case(folder, contender, "model"),
    )


def _case(folder: TrialFolder, contender: str, name: str) -> PreflightCase | None:
    preflight = folder.read_if_there(Preflight, folder.contender(contender) / "preflight.json")
    return next((case for case in (preflight.cases if preflight else ()) if case.name == name), None)


def _without_sense(folder: TrialFolder, contender: str) -> bool:
    planned = folder.plan().contenders if (folder.path / "plan.yaml").is_file() else ()
    found = next((each for each in planned if each.name == contender), None)
    return found is not None and found.without_sense


def _text(path: Path) -> str | None:
    return path.read_text("utf-8", "replace") if path.is_file() else None


def _telemetry(path: Path) -> tuple[dict[int, CpuWindow], tuple[Moment, ...]]:
    windows: dict[int, CpuWindow] = {}
    moments: list[Moment] = []
    try:
        for line in read_lines(path):
            if "cpu" in line:
                record = Telemetry.model_validate(line)
                windows[record.request_id] = record.cpu
            else:
                moments.append(Moment.model_validate(line))
    except ValueError as error:
        raise UsageError(f"{path}: not a telemetry record: {str(error).splitlines()[0]}") from error
    return windows, tuple(moments)
