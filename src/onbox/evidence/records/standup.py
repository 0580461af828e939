"""How an engine came up, what was seen of it, and how it was stopped."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from onbox.evidence.records.base import Count, Record, Seconds
from onbox.schema.checks import Check


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
    """None: it never became ready."""
    props: dict[str, Any] = Field(default_factory=dict)
    """What the engine reports about itself: version, context, template hash, sampling defaults."""
    backends: "tuple[LoggedBackend, ...]" = ()
    """Lines of the log that name kernels or a device."""
    figures: dict[str, float] = Field(default_factory=dict)
    """What the log says in numbers: `loaded_bytes`, `kv_cache_bytes`, ...; of devices the sum."""
    devices: int | None = None
    """GPUs that share one copy of the model, by the engine's options; None: not known."""
    gpus: "tuple[GpuHeld, ...]" = ()
    """What the engine held of each GPU when it was ready; empty: none, or its driver does not tell."""
    guard: "GuardLimits | None" = None
    """None: no guard, as for an engine that onbox did not start."""
    stopped: "EngineEnd | None" = None


class GpuHeld(Record):
    """One GPU when the engine was ready; of GPUs with memory of their own also what was planned."""

    index: int
    """As NVML counts."""
    held_bytes: Count | None
    """By the engine's processes; None: the driver does not report it."""
    plan_bytes: Count | None = None
    """None: the engine was not to use it, or nobody could say."""


class ImageUsed(Record):
    """The image that an engine ran in."""

    reference: str
    """As the recipe names it; for an image built here, the tag is the hash of its inputs."""
    id: str
    """Hash of its configuration, which lists every layer: the same id is the same image."""
    digests: tuple[str, ...] = ()
    """Of its manifests, as far as the daemon kept them."""
    architecture: str = ""
    build_sha256: str = ""
    """Hash of everything it was built from; empty: it was fetched."""
    build_argv: tuple[str, ...] = ()
    """The command that builds it. If it had to be run, the phases begin with `build`."""


class LoggedBackend(Record):
    """A line of the engine's log that names what computes, word for word."""

    part: str
    """`moe`, `attention`, `flash_attention` (its version) or `device`."""
    backend: str | None = None
    """The name in the line; None: it names none."""
    line: str
    warning: bool = False
    """Whether it is the reason for a fallback."""


class EngineEnd(Record):
    """How the engine ended and the proof that it is gone."""

    at: str
    how: str
    """`asked`, `killed`, `died`, `guard` (see `guard.json`) or `left running` (an engine that onbox did not start, or
    handed over)."""
    exit_code: int | None = None
    process_gone: bool | None = None
    port_closed: bool | None = None


class LaunchRecord(Record):
    """`standup/launch.json`: what was found before anything started."""

    checks: tuple[Check, ...]


class GuardLimits(Record):
    """What the guard held the box's memory against."""

    reserve_bytes: int
    """What must stay available for everything else."""
    plan_bytes: int | None = None
    """What the engine is expected to hold when it serves; None: not known."""
    transient_bytes: int = 0
    """On top of the plan until it serves."""
    horizon_s: float
    """Time from the decision to stop to the end of growth."""
    unified: bool = False
    """Whether an accelerator takes its memory from the host's."""


class MemoryLogLine(Record):
    """One look of the guard at the box's memory, every five seconds: a line of `standup/memory.jsonl`."""

    at: str
    t_s: Seconds
    """Since the engine was started."""
    available_bytes: Count
    own_bytes: Count | None
    """What the engine's processes held of it; None: could not be observed."""
    gpu_bytes: Count | None
    """GPU memory of the engine's processes; None: there is no GPU, or the driver does not report it."""


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
    """What the engine held; None: could not be observed."""
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


class PreflightFinding(StrEnum):
    """What a question showed that all others depend on."""

    NONSENSE = "nonsense"
    """The answer to the simplest question made no sense: nothing else was asked."""
    RANDOM_WEIGHTS = "random weights"
    """The same of a server whose weights are random on purpose."""
    BROKEN_ARGUMENTS = "broken arguments"
    """Calls come, and no arguments that fit them."""


class PreflightCase(Record):
    """One question put to a server before hours are spent on it."""

    name: str
    status: str
    """`pass`, `warn`, `fail` or `unknown`."""
    detail: str
    remedy: str = ""
    """The server flag that helps; empty: none does, or none is known."""
    finding: PreflightFinding | None = None

    def advised(self) -> str:
        """Status and detail, with what helps, as one text."""
        return f"{self.status}: {self.detail}" + (f"; {self.remedy}" if self.remedy else "")


class Preflight(Record):
    """`preflight.json`."""

    cases: tuple[PreflightCase, ...]
    tools: bool
    """Whether an offered tool came back as a parsed call, with no broken arguments."""
    vision: bool | None = None
    """Whether a number in a picture was read; None: not known, or not tested."""
    server: str = ""
    """Its name and version, as it says them."""
    requests: int | None = None
    """Questions behind the cases; None: only the two of a trial."""
    seconds: float | None = None


class WeightsFile(Record):
    """One file of the weights, and the source it came from."""

    file: str
    bytes: int
    sha256: str
    source: str
    """`cache`, `hub`, `parts` or `path`."""
    first_source: str = ""
    """For `cache`: the source from which it first came."""
    seconds: float | None = None
    """Until it was complete and verified; None: an older record."""
    further: tuple["WeightsFile", ...] = ()
    """Draft models, adapters and templates that the recipe's arguments name."""
