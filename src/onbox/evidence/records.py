"""The records of an evidence folder, one model per file or line.

A record holds what was seen, never what it means: outcomes, rates and verdicts are derived by `onbox.judge`.
Times named `*_ns` are CLOCK_MONOTONIC nanoseconds, those named `*_at` are wall clock (ISO 8601, UTC) for people.
"""

from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1


class Record(BaseModel):
    """Base of all records: frozen, and strict about names so that a typo is an error and not a missing value."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# ---------------------------------------------------------------- plan.yaml


class Role(StrEnum):
    """What a contender is to the owner."""

    INCUMBENT = "incumbent"
    CHALLENGER = "challenger"


class Limits(Record):
    """What ends one agent run."""

    turns: int = 30
    wall_s: float = 360.0
    output_tokens: int = 16_384
    """Sum over the run; `turn_tokens` bounds a single reply."""
    turn_tokens: int = 4096
    command_s: float = 30.0
    """Wall time of one command of the agent."""
    same_call: int = 3
    """The same call with the same arguments this often ends the run: the model goes round in circles."""


class AgentCommand(Record):
    """A command line of the user's own that is an agent; its texts hold `{url}`, `{model}` and the like."""

    argv: tuple[str, ...]
    env: dict[str, str] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)
    """Texts for its home, by relative path."""
    stdin: str = ""
    readable: tuple[str, ...] = ()
    """Folders that it must be able to read, beyond the system's and its program's."""


class AgentPlan(Record):
    """The agent that works on the tasks."""

    name: str = "builtin"
    version: str
    command: AgentCommand | None = None
    """None: one that onbox knows by its name."""
    limits: Limits = Limits()
    nudges: int = 0
    """How often a reply without a tool call is answered with a request to go on."""


class McpServer(Record):
    """A server of tools that an agent starts and talks to over its pipes."""

    command: tuple[str, ...] = Field(min_length=1)
    """Its program and arguments, with `{workspace}` and `{home}` for where the run has them."""
    env: dict[str, str] = Field(default_factory=dict)
    """Variables, with the same words."""
    version: str = ""
    """Of its program when the plan was frozen."""


class ArmPlan(Record):
    """A treatment: the baseline but for one thing."""

    name: str
    rules: str = ""
    """What the agent is told beside its task, as by an AGENTS.md."""
    mcp: dict[str, McpServer] = Field(default_factory=dict)
    """Servers of tools by name."""
    sampling: dict[str, Any] = Field(default_factory=dict)
    """Over the recipe's."""
    nudges: int | None = None
    """In the place of the plan's."""


class SpeedPlan(Record):
    """The decode measurement, fixed before it starts."""

    requests: int = 4
    """The least; more are made where so many take less than `at_least_s`."""
    at_least_s: float = 0.0
    """What the measured requests decode for, by the pace of the warm-up: a fast server needs more of them."""
    tokens: int = 96
    """Output tokens asked of each request."""
    depth_tokens: int = 0
    warmup_requests_max: int = 5
    """Warm-up ends earlier when the last three requests agree within 1 % (coefficient of variation)."""
    seed: int = 1
    concurrency: tuple[int, ...] = ()
    """Further numbers of requests at a time that are measured, after one at a time."""
    backend: str = ""
    """Of the server, as the user states it; empty where nobody did."""
    precision: str = ""
    """Of the resident weights, as the user states it; empty where nobody did."""


Audited = Literal["builtin", "passed", "not asked"]
"""Audited with each release; passed on this box; the user said that it need not be."""


class ReplayPlan(Record):
    """How a run that ended without a call is asked again, to find out who lost the call."""

    rounds: int = 5
    """Each asks unchanged, streamed the other way, and past the server's parser; 0: nothing is asked again."""
    contender_s: float = 120.0
    """For all runs of a contender together."""


class TaskPlan(Record):
    """One task of the plan, pinned by the hash of its files."""

    name: str
    sha256: str
    audit: Audited | None = None
    """Whether its gate was shown to tell right from wrong before the plan was frozen; None: an older plan."""


class ContenderPlan(Record):
    """One model served one way."""

    name: str
    """Also the name of its folder."""
    role: Role
    recipe: dict[str, Any]
    """The recipe as it was read, resolved and frozen."""


class Expected(Record):
    """What the trial should cost, as printed before it starts."""

    seconds: float
    download_bytes: int
    memory_bytes: int
    basis: str
    """Where the seconds come from, in words."""


class Plan(Record):
    """`plan.yaml`: what was asked, frozen before the first measurement."""

    schema_version: int = SCHEMA_VERSION
    created_at: str
    onbox_version: str
    kind: str = "trial"
    """`trial`, or `bench` or `speed` where only that part was asked."""
    contenders: tuple[ContenderPlan, ...]
    tasks: tuple[TaskPlan, ...]
    tasks_from: str = "builtin"
    """`builtin` or the folder that the tasks were read from."""
    arms: tuple[str, ...] = ("baseline",)
    """How the agent is equipped: `baseline`, then each of `treatments` by name."""
    treatments: tuple[ArmPlan, ...] = ()
    runs: int
    """Runs of each task by each contender and arm."""
    seed: int = 1
    """Run n of every contender uses the same seeds, derived from this one."""
    parallel: int = 1
    """Runs at a time, by one engine."""
    ray: str = ""
    """Address of the Ray cluster over whose nodes the runs are spread; empty: this box alone."""
    agent: AgentPlan
    speed: SpeedPlan | None = SpeedPlan()
    replay: ReplayPlan = ReplayPlan()
    sandbox: str
    """The sandbox tier that was chosen when the plan was frozen; `none` only by the user's own words."""
    reserve_bytes: int | None = None
    """Of the box's memory, what the guard of each engine keeps available; None: the default for the box."""
    stop_rule: str = "all runs of the plan, no peeking: the verdict is computed once, at the end"
    expected: Expected | None = None


# ---------------------------------------------------------------- wire


class Exchange(Record):
    """One request and all that came back, as bytes with arrival stamps: a line of `wire.jsonl` or `requests.jsonl`."""

    id: int
    purpose: str
    """`agent`, `side`, `preflight`, `canary`, `cold`, `warmup` or `measured`; `side` is what an agent of others asks
    beside its task, such as a title. Of a replay: `replay`, `replay-flipped`, `replay-raw`, `replay-prompt`."""
    started_at: str
    t0_ns: int
    """Monotonic time just before the first byte of the request was sent."""
    method: str
    path: str
    request: Any = None
    """The JSON body as it reached the server; a body that is no JSON is kept as text."""
    status: int | None = None
    """None: no status line ever came."""
    headers: dict[str, str] = Field(default_factory=dict)
    chunks: tuple[tuple[int, str], ...] = ()
    """(nanoseconds since `t0_ns` at the socket read, bytes as UTF-8 with surrogateescape) of the decoded body."""
    ended_ns: int | None = None
    """Nanoseconds since `t0_ns` at the end of the body, or at the error."""
    error: str | None = None
    """What broke the exchange, in words: refused, reset, timed out, the client left."""

    def body(self) -> bytes:
        """The body as it came, chunk boundaries forgotten."""
        return "".join(text for _, text in self.chunks).encode("utf-8", "surrogateescape")


# ---------------------------------------------------------------- stand-up


class Phase(Record):
    """One phase between the decision to start and the first token."""

    name: str
    seconds: float
    detail: str = ""
    peak_bytes: int | None = None
    """The most that the engine held: resident memory, and on accelerators."""
    available_min_bytes: int | None = None
    """The least that was available on the box."""


class StandUp(Record):
    """`standup/phases.json`: one lifetime of an engine, from start to gone."""

    launch_id: str
    engine: str
    engine_version: str | None = None
    argv: tuple[str, ...] = ()
    """Empty for an engine that was already running."""
    url: str
    pid: int | None = None
    container: tuple[str, str] | None = None
    """Program and name of the container that it runs in; None: in none."""
    image: "ImageUsed | None" = None
    """Of the container, as it was here; None: no container, or nobody told."""
    phases: tuple[Phase, ...] = ()
    ready_s: float | None = None
    """None: it never got ready."""
    props: dict[str, Any] = Field(default_factory=dict)
    """What the engine says of itself: version, context, template hash, sampling defaults."""
    backends: "tuple[BackendSeen, ...]" = ()
    """Lines of the log that name kernels or a device."""
    figures: dict[str, float] = Field(default_factory=dict)
    """What the log says in numbers: `loaded_bytes`, `kv_cache_bytes`, ...; of devices the sum."""
    guard: "GuardLimits | None" = None
    """None: no guard, as for an engine that onbox did not start."""
    stopped: "Stopped | None" = None


class ImageUsed(Record):
    """The image that an engine ran in."""

    reference: str
    """As the recipe names it; of one that was built here the tag is the hash of its inputs."""
    id: str
    """Of its configuration, which names every layer: the same id is the same image."""
    digests: tuple[str, ...] = ()
    """Of its manifests, as far as the daemon kept them."""
    architecture: str = ""
    build_sha256: str = ""
    """Of all that it was built from; empty for one that was fetched."""
    build_argv: tuple[str, ...] = ()
    """The command that builds it, run when it was not there yet: then the phases begin with `build`."""


class BackendSeen(Record):
    """A line of the engine's log that names what computes, word for word."""

    part: str
    """`moe`, `attention` or `device`."""
    backend: str | None = None
    """The name in the line; None: it names none."""
    line: str
    warning: bool = False
    """It is the reason for a fallback."""


class Stopped(Record):
    """How the engine ended and the proof that it is gone."""

    at: str
    how: str
    """`asked`, `killed`, `died`, `guard` (see `guard.json`) or `left running` (an engine that onbox did not start, or
    handed over)."""
    exit_code: int | None = None
    process_gone: bool | None = None
    port_closed: bool | None = None


class LaunchCheck(Record):
    """One rule of a launch, and how it stood before the start."""

    id: str
    status: str
    """`pass`, `warn`, `fail` or `unknown`."""
    observed: float | str | None = None
    threshold: float | None = None
    unit: str = ""
    evidence: str
    """What was looked at."""
    hint: str = ""
    """What to do about it."""


class LaunchRecord(Record):
    """`standup/launch.json`: what was found before anything started."""

    checks: tuple[LaunchCheck, ...]


class GuardLimits(Record):
    """What the guard held the box's memory against."""

    reserve_bytes: int
    """What must stay available to everything else."""
    plan_bytes: int | None = None
    """What the engine was expected to hold when it serves; None: not known."""
    transient_bytes: int = 0
    """On top of the plan until it serves."""
    horizon_s: float
    """From the decision to stop to the end of growth."""
    unified: bool = False
    """Whether an accelerator takes its memory from the host's."""


class Holder(Record):
    """A process, and what it held of the box's memory, files left out."""

    pid: int
    command: str
    bytes: int
    ours: bool
    """Whether it was of the engine; of others only the largest are told."""


class GuardStopped(Record):
    """`standup/guard.json`: what the guard saw when it stopped the engine."""

    at: str
    kind: str
    """`projected`: the reserve would have been breached; `breached`; `stalled`: nothing ran for want of memory."""
    ours: bool
    """Whether the engine's own growth, beyond its plan, was behind it."""
    phase: str
    available_bytes: int
    """When it decided."""
    own_bytes: int | None
    """What the engine held; None: it could not be seen."""
    gpu_bytes: int | None
    """Of that, or beside it on a discrete GPU, GPU memory; None: no GPU, or its driver does not tell."""
    fall_bytes_s: float
    """How fast available memory fell."""
    to_reserve_s: float | None
    """Until the reserve would have been reached; None: nothing fell."""
    lowest_bytes: int
    """The least that was available until the engine was gone."""
    gone_s: float | None
    """From the decision to the end of its processes; None: some were still there after five seconds."""
    limits: GuardLimits
    holders: tuple[Holder, ...]
    trace: tuple[tuple[float, int, int | None, int | None, float | None, str], ...]
    """Samples up to the end: seconds since the start, available bytes, own bytes, GPU bytes, total stall in seconds,
    phase."""


class PreflightCase(Record):
    """One question put to a server before hours are spent on it."""

    name: str
    status: str
    """`pass`, `warn`, `fail` or `unknown`."""
    detail: str
    remedy: str = ""
    """The flag of the server that helps; empty where none does or none is known."""


class Preflight(Record):
    """`preflight.json`."""

    cases: tuple[PreflightCase, ...]
    tools: bool
    """Whether one offered tool came back as a parsed call."""
    vision: bool | None = None
    """Whether the colour of an image was seen; None: nobody asked."""
    server: str = ""
    """Its name and version, as it says them."""
    requests: int | None = None
    """Questions behind the cases; None: only the two of a trial."""
    seconds: float | None = None


class WeightsFile(Record):
    """One file of the weights, and the road it came by."""

    file: str
    bytes: int
    sha256: str
    source: str
    """`cache`, `hub`, `parts` or `path`."""
    first_source: str = ""
    """For `cache`: the road by which it first came."""


# ---------------------------------------------------------------- speed


class CpuWindow(Record):
    """Who used the processors during a window, in seconds of CPU time summed over all cores."""

    wall_s: float
    cores: int
    busy_s: float
    """All non-idle time of the machine."""
    engine_s: float | None
    """None: the engine's process is not ours to see."""
    own_s: float
    """onbox itself."""
    steal_s: float = 0.0


class GpuMoment(Record):
    """One accelerator at one moment; null where its driver does not tell."""

    index: int
    sm_clock_mhz: float | None = None
    sm_clock_max_mhz: float | None = None
    power_w: float | None = None
    temperature_c: float | None = None
    throttle_reasons: tuple[str, ...] | None = None
    pids: tuple[int, ...] | None = None
    """Of the processes that compute on it."""


class Moment(Record):
    """What the box did at one moment of the measured requests: a line of `speed/N/telemetry.jsonl`."""

    t_ns: int
    """Monotonic time."""
    late_s: float
    """How late onbox woke for this look: what an arrival would have waited for its stamp."""
    asleep_ns: int
    """Time that the box has slept since its start."""
    stalled_us: dict[str, int] = Field(default_factory=dict)
    """By resource, how long some task stood still for want of it since the start; empty: the kernel does not tell."""
    swapped_pages: int | None = None
    """In and out since the start."""
    gpus: tuple[GpuMoment, ...] = ()


class Telemetry(Record):
    """Who used the processors during one request: a line of `speed/N/telemetry.jsonl`, recognized by its `cpu`."""

    purpose: str
    request_id: int
    cpu: CpuWindow


class Ceiling(Record):
    """`fit.json`: what a token of these weights reads at least, and what this box can read; GB are 10^9 bytes."""

    source: str
    """Of the weights."""
    step_bytes: float
    """Read by one forward pass of one sequence, at the least of the precisions that may be resident."""
    resident: str
    """That precision."""
    context_tokens: int
    measured_gb_s: float | None
    nominal_gb_s: float | None
    """As the maker states it."""
    cache_bytes: int | None
    """Of the processor that measured; weights that fit into it are not read from memory at all."""
    impossible_above_gb_s: float
    at_ceiling_from_gb_s: float
    not_bound_below_gb_s: float
    """These three are the limits of `onbox fit`."""


class SpeedRecord(Record):
    """`speed/N/run.json`: what the measurement was and how it ended; the numbers are in the files beside it."""

    plan: SpeedPlan
    launch_id: str
    engine: str
    metrics: bool
    """Whether the engine offers counters."""
    idle_before: tuple[dict[str, float], ...] = ()
    """Three scrapes of what runs and waits, before the first request."""
    engine_pids: tuple[int, ...] = ()
    """The engine's processes at the end; empty: not ours to see."""
    accelerators: int | None = None
    """How many this box has; null: that could not be seen."""
    concurrency: int = 1
    """Requests at a time."""
    ended: str
    """`complete`, or what stopped it."""


# ---------------------------------------------------------------- runs


class AgentEnd(Record):
    """How the agent stopped."""

    stop: str
    """`answered`, `turn_limit`, `token_limit`, `time_limit`, `loop`, `endpoint` or `crash`."""
    detail: str = ""
    turns: int = 0
    reply: str = ""
    """Its last message to the user."""


class GateEnd(Record):
    """What the gate said: the exit code, over a pipe, is the only verdict."""

    exit_code: int | None
    """None: it was killed at its time limit."""
    reason: str
    """The last `REASON: code` line that it printed, without the prefix."""
    seconds: float
    sha256: str
    """Of the gate's files."""


class Probe(Record):
    """One question put to the sandbox: could a command do this?"""

    name: str
    held: bool
    detail: str = ""


class SandboxBounds(Record):
    """What the sandbox holds each command to; None: nothing."""

    memory_bytes: int | None = None
    memory_of: Literal["", "process", "command"] = ""
    """Address space of each `process`, or memory of all processes of a `command` together."""
    processes: int | None = None


class SandboxReport(Record):
    """The sandbox of a run and how it stood its probes."""

    name: str
    version: str = ""
    probes: tuple[Probe, ...] = ()
    bounds: SandboxBounds | None = None
    """None: of a trial before they were told."""


class Changes(Record):
    """What became of the workspace."""

    files: int
    lines_added: int
    lines_removed: int


class Quality(Record):
    """How good a change was, beside its passing."""

    reference: Changes | None
    """What the reference solution changes; None: there is none."""
    broken: tuple[str, ...] = ()
    """Changed files of Python, JSON, TOML, JavaScript or TypeScript that cannot be parsed any more."""
    unread: tuple[str, ...] = ()
    """Changed files of these that nothing here can parse: without node, with one that reads no types, or too large."""
    lint: tuple[str, ...] = ()
    """What pyflakes says of changed files of Python and did not say before, as `name: words`; no other is linted."""


class ReplayEnd(Record):
    """How the last request of a run was asked again; the exchanges are in `replay.jsonl`."""

    rounds: int
    """Whole rounds."""
    seconds: float
    ended: str
    """`complete`, or why there were fewer rounds than the plan asks for."""
    past_parser: str
    """The road past the server's parser, in words; empty: none is known."""


class RunRecord(Record):
    """`runs/TASK/ARM/N/run.json`, written last: a run without it was not finished."""

    contender: str
    task: str
    task_sha256: str
    instance_sha256: str = ""
    """Of the files that the seed gave; `task_sha256` where the task has no generator."""
    arm: str
    n: int
    seed: int
    launch_id: str
    started_at: str
    seconds: float
    """Wall time from the fresh workspace to the gate's end."""
    agent: AgentEnd
    gate: GateEnd | None
    """None: the gate was not reached; `fault` says why."""
    changes: Changes
    sandbox: SandboxReport
    engine_alive: bool
    """Whether the engine answered after the agent had stopped."""
    canary: str = ""
    """A random word that was planted in the rules of a treatment; no run of another arm may show it."""
    fault: str = ""
    """What in the harness, the sandbox or the box broke the run; empty when nothing did."""
    workspace_sha256: str = ""
    """Of the workspace that was graded: names, execute bits and contents; empty: of an onbox that kept none."""
    tampering: tuple[str, ...] = ()
    """What was touched that no agent may touch: the gate's files, a reward, a process that outlived the run."""
    replay: ReplayEnd | None = None
    """None: nothing was asked again."""
    quality: Quality | None = None
    """None: the workspace was not looked at."""
    agent_s: float = 0.0
    command_s: float = 0.0
    """Share of `agent_s` spent in the agent's commands."""
    beside: int = 0
    """The most other runs that the same engine worked for at any moment of this one."""
    node: str = ""
    """Of a cluster, where the run was carried out; empty: the trial's own box."""


# ---------------------------------------------------------------- ledger.jsonl


class LedgerKind(StrEnum):
    """What may happen to a piece of evidence."""

    PLANNED = "planned"
    ACCEPTED = "accepted"
    DISCARDED = "discarded"
    INVALIDATED = "invalidated"
    RESUMED = "resumed"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    STOPPED = "stopped"
    REGRADED = "regraded"


class LedgerEntry(Record):
    """A line of `ledger.jsonl`: append-only."""

    at: str
    kind: LedgerKind
    subject: str
    """A path inside the trial folder, or the trial itself (`.`)."""
    reason: str = ""


# ---------------------------------------------------------------- regrade.jsonl


class RegradedRun(Record):
    """A run whose gate was run again on the workspace that its agent left."""

    contender: str
    task: str
    arm: str
    n: int
    was: GateEnd
    now: GateEnd | None
    """None: it could not be run again; `why` says so."""
    why: str = ""
    code_was: str
    """The failure code, by the judge of this onbox, with the gate's word as it was recorded."""
    code_now: str
    """And with the gate's new word."""


class Regrade(Record):
    """A line of `regrade.jsonl`: gates and attribution again; the evidence itself stays as it was."""

    at: str
    onbox_version: str
    sandbox: str
    tasks: dict[str, str]
    """Task -> the hash of its files now."""
    runs: tuple[RegradedRun, ...]
