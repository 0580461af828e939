"""The decode measurement, and what the box did meanwhile."""

from pydantic import Field

from onbox.evidence.records.base import Nanoseconds, Record, Seconds
from onbox.evidence.records.plan import SpeedPlan
from onbox.schema.engine_profile import EngineProfile


class CpuWindow(Record):
    """Who used the processors during a window, in seconds of CPU time summed over all cores."""

    wall_s: Seconds
    cores: int
    busy_s: Seconds
    """All non-idle time of the machine."""
    engine_s: float | None
    """None: the engine's process is not visible."""
    own_s: Seconds
    """onbox itself."""
    steal_s: float = 0.0
    reference_s: float | None = None
    """What a fixed sum of onbox's own took on one core just before: the pace of the processor itself, which a clock or
    a neighbour on the same host may change without a trace in the other fields. None: not recorded."""
    reader_wait_s: float | None = None
    """How long the thread that read the reply was ready to run but had no processor; None: the kernel does not report
    it."""


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

    t_ns: Nanoseconds
    """Monotonic time."""
    late_s: Seconds
    """How late onbox woke for this sample: how long an arrival would have waited for its stamp."""
    asleep_ns: Nanoseconds
    """Time that the box has slept since its start."""
    stalled_us: dict[str, int] = Field(default_factory=dict)
    """By resource, how long some task was stalled for lack of it since the start; empty: the kernel does not report
    it."""
    swapped_pages: int | None = None
    """In and out since the start."""
    gpus: tuple[GpuMoment, ...] = ()


class Telemetry(Record):
    """Who used the processors during one request: a line of `speed/N/telemetry.jsonl`, recognized by its `cpu`."""

    purpose: str
    request_id: int
    cpu: CpuWindow


class StepBytes(Record):
    """What a step of one sequence reads after so much context, at the least of the precisions that may be resident."""

    context_tokens: int
    step_bytes: float


class Ceiling(Record):
    """`fit.json`: what a token of these weights reads at least, and what this box can read; GB are 10^9 bytes."""

    source: str
    """Of the weights."""
    step_bytes: float
    """Read by one forward pass of one sequence, at the smallest of the precisions that may be resident."""
    resident: str
    """That precision."""
    stored_step_bytes: float | None = None
    """The same in the precisions of the files, the most that is plausible; null: not recorded."""
    context_tokens: int
    measured_gb_s: float | None
    nominal_gb_s: float | None
    """As the maker states it."""
    cache_bytes: int | None
    """Of the processor that measured; weights that fit into it are not read from memory at all."""
    devices: int | None = 1
    """GPUs whose bandwidths are added up: a bound that leaves out communication between them; 1 too without a GPU.
    None: all of the box, since it is not known how many the engine uses."""
    impossible_above_gb_s: float
    at_ceiling_from_gb_s: float
    not_bound_below_gb_s: float
    """These three are the limits of `onbox fit`."""
    steps: tuple[StepBytes, ...] = ()
    """By context, from 0 to beyond the deepest measurement; empty: not asked for."""
    sequence_bytes_max: tuple[float, ...] = ()
    """By the number of requests at a time, the most that each further sequence adds to what a step reads."""


class SpeedRecord(Record):
    """`speed/N/run.json`: what the measurement was and how it ended; the numbers are in the files beside it."""

    plan: SpeedPlan
    launch_id: str
    engine: str
    metrics: bool
    """Whether the engine offers counters."""
    profile: EngineProfile | None = None
    """How its counters and times are read; null: not recorded, those that come with onbox are tried."""
    idle_before: tuple[dict[str, float], ...] = ()
    """Three scrapes of running and waiting requests, before the first request."""
    engine_pids: tuple[int, ...] = ()
    """The engine's processes at the end; empty: not visible."""
    accelerators: int | None = None
    """How many this box has; null: could not be observed."""
    opened_accelerator: bool | None = None
    """Whether a process of the engine has a device file of an accelerator open; null: not ours to see, not
    recorded, or none is open in processes that use too little processor time to be the engine."""
    concurrency: int = 1
    """Requests at a time."""
    first_round: int | None = None
    """Of the requests, those whose scatter settled how many follow (`within`); null: there was one round."""
    wanted_requests: int | None = None
    """How many that scatter asked for; more than were made where that is too many."""
    planned: str = ""
    """Why these numbers of requests and tokens were chosen, if a budget decided."""
    ended: str
    """`complete`, or what ended it."""
