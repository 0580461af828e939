"""What the judge is given: a whole trial as typed records, each file of its folder read once (`load.py`)."""

from dataclasses import dataclass
from typing import Any

from onbox.evidence.claims import Claim
from onbox.evidence.records import (
    Ceiling,
    ContenderPlan,
    CpuWindow,
    Exchange,
    GuardStopped,
    LedgerEntry,
    Moment,
    Plan,
    PreflightCase,
    RunRecord,
    SightFacts,
    SightTry,
    SpeedRecord,
    StandUp,
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
        question: `run.json`.
        exchange: `wire.jsonl`; None where it was cut off.
    """

    where: str
    question: SightTry
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
