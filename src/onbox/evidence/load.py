"""A trial's folder, read once into typed records: all that the judge is given.

The judge opens nothing. What it needs of a folder is here, and each file of it is read once.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onbox.errors import UsageError
from onbox.evidence.claims_file import NAME as CLAIMS
from onbox.evidence.claims_file import read_claims
from onbox.evidence.folder import TrialFolder, read_json, read_lines
from onbox.evidence.records import (
    Ceiling,
    ContenderPlan,
    CpuWindow,
    GuardStopped,
    Moment,
    Preflight,
    PreflightCase,
    RunRecord,
    SightFacts,
    SightTry,
    SpeedRecord,
    StandUp,
    Telemetry,
)
from onbox.evidence.trial_evidence import (
    ContenderEvidence,
    EngineLife,
    RunEvidence,
    SightEvidence,
    SpeedEvidence,
    TrialEvidence,
    TryEvidence,
)

STANDUP = "standup"
"""The last lifetime of an engine on the trial's own box; earlier ones have a number behind it."""


@dataclass(frozen=True)
class _ContenderFacts:
    """What all measurements of a contender share.

    Args:
        coherence: the preflight's probe for sense; None when it was not asked.
        model_name: the preflight's case of a model that the server does not list; None when it does.
        ceiling: what bounds its rate; None when the weights are not known.
        without_sense: the weights are random on purpose, by the recipe.
    """

    coherence: PreflightCase | None
    model_name: PreflightCase | None
    ceiling: Ceiling | None
    without_sense: bool


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
    facts = _facts_of(folder, contender.name, without_sense=contender.without_sense)
    speeds = (_measurement(folder, home / "speed" / str(number), facts) for number in numbers)
    lives = _lives(folder, contender.name)
    last_life = lives.get(home / STANDUP / "phases.json")
    return ContenderEvidence(
        plan=contender,
        runs=tuple(load_run(folder, record) for record in folder.runs(contender.name)) if runs else (),
        speeds=tuple(speed for speed in speeds if speed is not None),
        lives=tuple(lives.values()),
        last_life=last_life.standup if last_life else None,
        model_name=facts.model_name,
        sight=load_sight(folder, contender.name, facts.coherence),
    )


def load_sight(folder: TrialFolder, contender: str, coherence: PreflightCase | None = None) -> SightEvidence | None:
    """Read `CONTENDER/vision`; None where it was not asked to its end.

    Args:
        folder: of the trial.
        contender: its name.
        coherence: the preflight's probe for sense; None: it was not asked.
    """
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
    return SightEvidence(facts, tuple(tries), coherence)


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
    return tuple(_lives(folder, contender).values())


def _lives(folder: TrialFolder, contender: str) -> dict[Path, EngineLife]:
    """Every lifetime, by the path of its `phases.json`."""
    home = folder.contender(contender)
    found = {}
    for path in sorted([*home.glob(f"{STANDUP}*/phases.json"), *home.glob(f"nodes/*/{STANDUP}*/phases.json")]):
        life = folder.read(StandUp, path)
        ended = life.stopped is not None and life.stopped.how == "guard"
        guard = folder.read_if_there(GuardStopped, path.with_name("guard.json")) if ended else None
        found[path] = EngineLife(life, guard)
    return found


def _box(path: Path) -> Any:
    try:
        return read_json(path)
    except UsageError:
        return None


def load_speed(folder: TrialFolder, contender: str, n: int = 1) -> SpeedEvidence | None:
    """Read `CONTENDER/speed/N/` and the contender's preflight; None when the measurement was not finished.

    Raises:
        UsageError: a file holds something else than it should.
    """
    planned = folder.plan().contenders if (folder.path / "plan.yaml").is_file() else ()
    without_sense = any(each.name == contender and each.without_sense for each in planned)
    facts = _facts_of(folder, contender, without_sense=without_sense)
    return _measurement(folder, folder.contender(contender) / "speed" / str(n), facts)


def _facts_of(folder: TrialFolder, contender: str, *, without_sense: bool) -> _ContenderFacts:
    home = folder.contender(contender)
    preflight = folder.read_if_there(Preflight, home / "preflight.json")
    cases = {case.name: case for case in reversed(preflight.cases if preflight else ())}
    return _ContenderFacts(
        coherence=cases.get("coherence"),
        model_name=cases.get("model"),
        ceiling=folder.read_if_there(Ceiling, home / "fit.json"),
        without_sense=without_sense,
    )


def _measurement(folder: TrialFolder, path: Path, facts: _ContenderFacts) -> SpeedEvidence | None:
    """One measurement with its cells and depths."""
    whole = _speed(folder, path, facts)
    if whole is None:
        return None
    # A ceiling holds for one sequence: how many experts several of them read together is not known.
    without_ceiling = replace(facts, ceiling=None)
    plan = whole.run.plan
    at = (*plan.concurrency, 1) if plan.concurrency else ()
    cells = (_speed(folder, path / f"at-{concurrency}", without_ceiling) for concurrency in at)
    deeper = (_speed(folder, path / f"depth-{depth}", without_ceiling) for depth in plan.depths)
    return replace(
        whole,
        cells=tuple(cell for cell in cells if cell is not None),
        depths=tuple(depth for depth in deeper if depth is not None),
    )


def _speed(folder: TrialFolder, path: Path, facts: _ContenderFacts) -> SpeedEvidence | None:
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
        coherence=facts.coherence,
        ceiling=facts.ceiling,
        without_sense=facts.without_sense,
        model_name=facts.model_name,
    )


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
