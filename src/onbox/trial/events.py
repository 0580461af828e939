"""What a trial says while it goes on: plain facts for whoever shows them. Nothing is computed from events.

Every text may come from a model, a server or a file name: a view shows it as text.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PlanShown:
    """The plan is frozen; what follows carries it out."""

    trial: str
    """The trial's folder."""
    contenders: tuple[str, ...]
    tasks: tuple[str, ...]
    arms: tuple[str, ...]
    runs: int
    """Runs of each task by each contender and arm."""
    expected_s: float | None
    """None: nothing is known yet about this box."""
    download_bytes: int
    memory_bytes: int
    basis: str
    """Where the expected seconds come from, in words."""
    parallel: int = 1
    """Runs at a time."""


@dataclass(frozen=True)
class ContenderStarted:
    """A contender's turn begins."""

    contender: str
    role: str
    position: int
    """Counts from 1."""
    total: int


@dataclass(frozen=True)
class ContenderStopped:
    """A contender's engine is gone."""

    contender: str
    how: str


@dataclass(frozen=True)
class ContenderFailed:
    """A contender was not carried out to its end: it was not fetched, did not stand up, died, or was stopped."""

    contender: str
    why: str


@dataclass(frozen=True)
class FetchProgress:
    """Some bytes of the weights arrived, or, where `source` is `hashing`, were hashed."""

    name: str
    bytes_done: int
    bytes_total: int | None
    source: str


@dataclass(frozen=True)
class PhaseStarted:
    """A phase of standing up, measuring or running begins: `fetch`, `load`, `warm`, `preflight`, `speed`, `runs`."""

    contender: str
    phase: str


@dataclass(frozen=True)
class PhaseEnded:
    """A phase is over."""

    contender: str
    phase: str
    seconds: float


@dataclass(frozen=True)
class TokenProgress:
    """The model is writing; sent a few times a second at most."""

    contender: str
    tok_s_now: float
    """For the eye only: a rate over the last moment, by events on the wire. It is no measurement."""
    total: int


@dataclass(frozen=True)
class MeasurementProgress:
    """A measurement goes on."""

    contender: str
    done: int
    """Measured requests that are over."""
    total: int
    left_s: float | None
    """None: nothing tells."""
    note: str = ""
    """Worth a line of its own; mostly empty."""


@dataclass(frozen=True)
class SpeedMeasured:
    """The decode measurement is over and was looked at."""

    contender: str
    tok_s: float | None
    """None: no valid number."""
    status: str
    """`valid`, `suspect` or `invalid`."""
    random_weights: bool = False
    """It is of the kernels, not of the model."""


@dataclass(frozen=True)
class RunStarted:
    """One agent starts on one task."""

    contender: str
    task: str
    arm: str
    n: int
    """Counts from 1."""
    total: int
    """Runs of this task that the plan asks for."""


@dataclass(frozen=True)
class RunEnded:
    """One run is over and was looked at."""

    contender: str
    task: str
    arm: str
    n: int
    outcome: str
    """`passed`, `failed`, `serving failure` or `invalid`."""
    code: str
    seconds: float


@dataclass(frozen=True)
class Note:
    """Something worth a line: a resume, a retry, a warning."""

    text: str


Event = (
    PlanShown
    | ContenderStarted
    | ContenderStopped
    | ContenderFailed
    | FetchProgress
    | PhaseStarted
    | PhaseEnded
    | TokenProgress
    | MeasurementProgress
    | SpeedMeasured
    | RunStarted
    | RunEnded
    | Note
)
