"""What the judge says: the shapes of `verdict.json`, and what every view shows; of a measurement: `speed_results`."""

from enum import StrEnum

from pydantic import Field

from onbox.evidence.records import OwnerValues, Record
from onbox.judge.comparison_results import Basis, InterimLooks, PairResult, QuantRow, Standing
from onbox.judge.rates import RatePair
from onbox.judge.speed_results import (
    ClaimResult,
    Difference,
    Measurement,
    RequestSpeed,
    Uncertainty,
    UncertaintySource,
    Validity,
    Witness,
)
from onbox.schema.checks import Check
from onbox.schema.sight import SightReason

__all__ = [
    "AbilityDifference",
    "ArmResult",
    "BackendProof",
    "Cause",
    "ClaimResult",
    "Comparison",
    "ContenderResult",
    "Difference",
    "Measurement",
    "Outcome",
    "PartProof",
    "Proof",
    "RequestSpeed",
    "RunResult",
    "SightOutcome",
    "SightRate",
    "SightResult",
    "SightTrial",
    "TaskCell",
    "TaskTally",
    "TurnResult",
    "Uncertainty",
    "UncertaintySource",
    "Validity",
    "Verdict",
    "Witness",
]


class Outcome(StrEnum):
    """How a run ended."""

    PASSED = "passed"
    FAILED = "failed"
    SERVING_FAILURE = "serving failure"
    INVALID = "invalid"


class Cause(StrEnum):
    """Who caused it."""

    NONE = "none"
    MODEL = "model"
    SERVING = "serving"
    AGENT = "agent"
    GATE = "gate"
    SANDBOX = "sandbox"
    LIMIT = "limit"
    BOX = "box"


class TurnResult(Record):
    """One request of a run's agent, by the wire."""

    tokens: int | None
    """None: the server does not report them."""
    tool_calls: int
    ttft_s: float | None
    """None: nothing visible arrived, or the reply was not streamed."""
    decode_tok_s: float | None
    """None: too few arrivals to see a rate."""


class RunResult(Record):
    """One run, judged."""

    contender: str
    task: str
    arm: str
    n: int
    outcome: Outcome
    attribution: Cause
    code: str
    """From the failure taxonomy: PASS, F-GATE, M-CLAIM, S-LEAK, I-CONN, ..."""
    detail: str
    """One sentence for people."""
    tool_calls: int
    turns: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    model_s: float
    """Time during which a request was in progress."""
    beside: int = 0
    """The highest number of other runs on its engine at the same time: if not 0, its seconds and rates are not those of
    a run alone."""
    node: str = ""
    """Node of the cluster on which it was carried out; empty: the trial's own box."""
    folder: str
    """Relative to the trial folder."""
    files_changed: int = 0
    lines_changed: int = 0
    """Added and removed."""
    rewards: dict[str, float] = Field(default_factory=dict)
    """As the gate wrote them, including partial ones; empty: its exit code is the verdict, or none was read."""
    reward_min: dict[str, float] = Field(default_factory=dict)
    """The least value that each judged reward must reach."""
    size: float | None = None
    """Changed lines divided by those of the reference solution; None: there is none, or it changes no line."""
    broken: tuple[str, ...] | None = None
    """Changed files that can no longer be parsed; None: not examined, or none is known and some could not be read."""
    lint: tuple[str, ...] = ()
    """New findings of pyflakes in changed Python files."""
    replay: str = ""
    """What sending the request again showed: `dropped by the server`, `never tried`, `calls when asked again`, `open`;
    empty: it was not sent again."""
    replay_bound: float | None = None
    """For `never tried`: the largest share of answers with a call that is still plausible (95 percent)."""
    ttft_s: float | None = None
    """Median over the turns."""
    decode_tok_s: float | None = None
    """Pooled over the turns."""
    each_turn: tuple[TurnResult, ...] = ()


class TaskCell(Record):
    """One contender on one task."""

    task: str
    passed: int
    valid: int
    invalid: int


class Proof(StrEnum):
    """Whether what a recipe asserts of kernels and memory came true."""

    PROVEN = "proven"
    CONTRADICTED = "contradicted"
    UNKNOWN = "unknown"
    """No line tells, or nothing is asserted; never a pass."""


class PartProof(Record):
    """One assertion against what was seen."""

    part: str
    """`moe`, `attention`, `flash_attention`, `device` or `loaded_bytes`."""
    status: Proof
    asserted: str
    seen: str
    """Empty: nothing."""
    why: str
    """With the deciding line of the log, verbatim."""


class BackendProof(Record):
    """What computes, as asserted and as seen."""

    status: Proof
    parts: tuple[PartProof, ...]
    named: dict[str, str]
    """By part, the names in the log, asserted or not."""


class SightOutcome(StrEnum):
    """How one question about a picture ended."""

    READ = "read"
    """All that only the picture can tell stands in the answer, and nothing else of its kind."""
    PARTLY = "partly"
    NOT_READ = "not read"
    NO_ANSWER = "no answer"
    """No text came: a tool call, reasoning alone, or nothing."""
    REFUSED = "refused"
    BROKEN = "broken"
    """No reply, or one that broke off."""


class SightTrial(Record):
    """One question about a picture, judged."""

    n: int
    kind: str
    control: str
    """`text only` or `blank`; empty: the picture itself."""
    width: int
    height: int
    expected: tuple[str, ...]
    found: int
    """How many of them are in the answer."""
    outcome: SightOutcome
    answer: str
    """Its beginning."""
    note: str
    """What the server sent instead, or a remark about the answer."""
    prompt_tokens: int | None
    image: str
    """Relative to the trial folder; empty without one."""


class SightRate(Record):
    """Pictures of one size."""

    width: int
    height: int
    read: int
    valid: int
    """Pictures to which an answer or a refusal came."""
    interval: tuple[float, float] | None
    """95 percent, for the share that is read (Wilson)."""


class SightResult(Record):
    """Whether a contender sees, and if not, why not."""

    sees: bool | None
    """Whether most pictures are read at the larger size; None: not known."""
    reason: SightReason
    detail: str
    """One sentence for people."""
    advice: str
    """What helps with this version of the engine; empty: nothing is known to help."""
    missing: tuple[str, ...]
    """What onbox would need to know for a more certain answer."""
    rates: tuple[SightRate, ...]
    controls: str
    """What the questions without a picture showed."""
    trials: tuple[SightTrial, ...]


class ContenderResult(Record):
    """One contender over all tasks, in the baseline arm."""

    name: str
    role: str
    passed: int
    valid: int
    invalid: int
    attempted: int
    """Planned runs."""
    pass_rate: float | None
    interval: tuple[float, float] | None
    """95 percent, for these tasks."""
    population_interval: tuple[float, float] | None
    """95 percent, for tasks like these, each with the same weight; None: fewer than two tasks."""
    if_served_correctly: float | None
    """The pass rate if no serving failure had happened: an upper bound. Each of them counts as passed, and each run of
    which nobody can tell; one that asking again has shown to be the model's does not."""
    seconds_to_pass: float | None
    """All seconds of valid runs divided by the number of passes."""
    cells: tuple[TaskCell, ...]
    speed: Measurement | None
    invalid_reasons: dict[str, int]
    backend: BackendProof | None = None
    """None: the engine's start was not seen."""
    sight: SightResult | None = None
    """None: nobody asked whether it sees."""


class Comparison(Record):
    """A probability that so large a difference is chance, with the method in words."""

    p: float | None
    method: str
    detail: str = ""


class AbilityDifference(Record):
    """The pass rate of the challenger minus the incumbent's, each task with the same weight."""

    value: float
    """Mean over the tasks of which both have valid runs."""
    interval: tuple[float, float]
    """95 percent, for these tasks."""
    population_interval: tuple[float, float] | None
    """95 percent, for tasks like these, for any distribution among them; None: fewer than two tasks."""


class TaskTally(Record):
    """On how many tasks the challenger's pass rate is above, equal to and below the incumbent's."""

    better: int
    equal: int
    worse: int


class ArmResult(Record):
    """A treatment against the baseline, on pairs of valid runs of one contender with the same task and seed."""

    contender: str
    arm: str
    pairs: int
    passed: int
    """Pairs in which the treatment passed."""
    baseline_passed: int
    better: int
    """Pairs in which only the treatment passed."""
    worse: int
    """Pairs in which only the baseline passed."""
    p: float | None
    """These tasks: the chance of so large a difference, by the same exact test that compares contenders, adjusted for
    the number of treatments (Holm); None when no pair differs."""
    population_p: float | None = None
    """Tasks like these: as `Verdict.population`, adjusted for the number of treatments; None when no pair differs."""
    difference: AbilityDifference | None = None
    """Treatment less baseline; None without a pair."""
    tasks: TaskTally | None = None
    """On how many tasks the treatment is better, equal and worse; None without a pair."""
    scope: str | None = None
    """How far the difference holds: `these tasks`, `tasks like these`; None: it may be chance."""


class Verdict(Record):
    """`verdict.json`."""

    schema_version: int = 1
    rules: int = 1
    """Version of the judge's rules. Since 2 a rate has an uncertainty in place of a bootstrap interval; since
    3 arguments that a server broke, its own words refused and a full context come before an agent's exit code;
    since 4 a verdict has a scope, runs are compared in pairs where their instances differ, the baseline arm alone is
    judged, repeated answers count once, intervals cover whatever the spread of tasks, times are compared with their
    interval, all challengers are compared, and each look costs; since 5 rates are compared with their uncertainty, and
    the check whether all contenders pass all or none is `ALL_OR_NONE`; since 6 intervals of times cover where runs are
    noisy, arms pay for looks, an e-process has its whole level at each look, and a demand alone is no reason to
    switch to what passes nothing; since 7 they cover where one contender is the noisier, and the interval of the
    difference where some tasks lost most of their runs; since 8 `F-FRAME` is what a gate's reason begins with, and the
    name of a server of tools is a whole part of a tool's name, and replies, and gauges of idle servers, that are
    written in odd forms are read as clients read them."""
    trial: str
    verdict: str
    """`keep`, `switch` or `undecided`."""
    scope: str | None = None
    """How far it reaches: `these tasks`, or `tasks like these`, which includes these; None: undecided."""
    difference: AbilityDifference | None = None
    """The challenger that is compared, less the incumbent; None when there is nothing to compare."""
    tasks: TaskTally | None = None
    """Of that challenger; None when there is nothing to compare."""
    headline: str
    """One sentence for people."""
    reasons: tuple[str, ...]
    would_settle: tuple[str, ...]
    """What would make the answer more certain; empty: nothing."""
    contenders: tuple[ContenderResult, ...]
    fixed_suite: Comparison
    """These tasks: is the difference chance?"""
    population: Comparison
    """Tasks like these."""
    bracket: tuple[str, str] | None
    """The verdict if every invalid run had failed for the challenger and passed for the incumbent, and the other way
    round; None when no run is invalid."""
    checks: tuple[Check, ...]
    runs: tuple[RunResult, ...]
    arms: tuple[ArmResult, ...] = ()
    """Empty without treatments."""
    basis: Basis = Basis.NOTHING
    """What the verdict rests on."""
    values: OwnerValues = OwnerValues()
    """What the owner values, by the plan."""
    pairs: tuple[PairResult, ...] = ()
    """All contenders against each other, those with the incumbent first."""
    standings: tuple[Standing, ...] = ()
    """Each contender among all others; empty without a comparison."""
    quants: tuple[QuantRow, ...] = ()
    """Where the contenders are quants of one model: each beside the largest; empty: they are not."""
    rates: tuple[RatePair, ...] = ()
    """Decode rates beside that of the incumbent; empty with fewer than two that were measured."""
    looks: InterimLooks | None = None
    """How often the question was looked at; None where there is nothing to compare."""
