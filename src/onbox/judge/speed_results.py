"""What the judge says of a measurement, as it stands in `verdict.json`."""

from enum import StrEnum
from typing import Any

from onbox.evidence.records import Record
from onbox.judge.rates import Bound, RateRatio
from onbox.schema.checks import Check


class Validity(StrEnum):
    """Whether a number may be used."""

    VALID = "valid"
    SUSPECT = "suspect"
    INVALID = "invalid"


class Witness(Record):
    """One independent way to the same number."""

    name: str
    """`client_bursts`, `engine_counters`, `engine_timings`."""
    tok_s: float | None
    detail: str = ""


class RequestSpeed(Record):
    """One measured request, as the client saw it; it tells nothing that the checks of the whole did not allow."""

    id: int
    """As in `requests.jsonl`."""
    prompt_tokens: int | None
    tokens: int | None
    """Of the output, by usage."""
    ttft_s: float | None
    """To the first visible token; None: tokens were held back."""
    seconds: float | None
    """From the request to the end of its body."""
    decode_tok_s: float | None


class Difference(Record):
    """One way in which a published rate and a measurement are not the same."""

    what: str
    """`value`, `definition`, `window`, `depth`, `concurrency`, `cache`, `backend`, `precision`, `box`, `speculation`,
    `n` or `counting`."""
    claimed: str
    measured: str
    why: str
    """Why it matters."""
    bars: bool
    """Whether it rules out `reproduces`; the others are for information."""


class ClaimResult(Record):
    """A published rate about this model, held against the measurement."""

    name: str
    tok_s: float
    tolerance: float
    """Share of the rate."""
    verdict: str
    """`reproduces` (the interval lies within the tolerance), `differs` (outside of it), `undecided` (across its
    edge) or `not comparable`."""
    differences: tuple[Difference, ...]
    source: str
    date: str | None
    """When it was published; None: not stated."""
    remark: str


class UncertaintySource(Record):
    """One line of the budget of an uncertainty."""

    source: str
    relative: float
    """Half of a 95 percent interval, divided by the rate."""


class Uncertainty(Record):
    """How well a rate is known, all bounded sources together (JCGM 100:2008)."""

    relative: float
    """Half of a 95 percent interval, divided by the rate: 0.04 is plus or minus 4 percent."""
    budget: tuple[UncertaintySource, ...]
    asked: float | None = None
    """What `--within` asked for; None: nothing."""
    why_not: str = ""
    """What kept it from being reached; empty where it was, or nothing was asked."""


class Measurement(Record):
    """A decode rate with all that speaks for and against it."""

    status: Validity
    rate_of: str = "model"
    """`model`, or `kernels` where the weights are random on purpose: such a rate is compared with nothing and not
    published."""
    decode_tok_s: float | None
    """None when the status is `invalid` or the witnesses differ: such a number is shown among the witnesses, never as
    the result."""
    interval: tuple[float, float] | None
    """95 percent: the rate minus and plus its uncertainty."""
    uncertainty: Uncertainty | None = None
    """None when there is no number, or when it cannot be stated (a single request)."""
    witnesses: tuple[Witness, ...]
    checks: tuple[Check, ...]
    cold_tok_s: float | None
    """The first request after the start; kept separate."""
    ttft_s: float | None
    """Median time to the first token of the measured requests."""
    requests: int
    tokens: int
    acceptance_length: float | None = None
    """Tokens per forward pass with speculative decoding; None: nothing was drafted."""
    forward_passes_s: float | None = None
    """The rate divided by the acceptance length."""
    implied_gb_s: float | None = None
    """Bandwidth that the rate needs, where the weights are known (GB of 10^9 bytes)."""
    plausibility: str | None = None
    """`impossible`, `at_ceiling`, `below_ceiling` or `not_bandwidth_bound`, as `onbox fit` says it, or two of them with
    `or` where the interval of the rate reaches from one into the other; None: the weights are not known, or fit into
    the processor's cache."""
    roof_share: float | None = None
    """`implied_gb_s` divided by the measured read bandwidth, or by the maker's figure; None as `plausibility`."""
    roof_share_interval: tuple[float, float] | None = None
    """95 percent, from the rate alone: the bandwidth is taken as exact."""
    system_tok_s: float | None = None
    """With several requests at a time, the rate of all together while all were active; None: one at a time."""
    beside_one: RateRatio | None = None
    """`system_tok_s` over the rate of one at a time; None: one at a time."""
    cells: tuple["Measurement", ...] = ()
    """Other numbers of requests at a time, in the order of the plan, and one at a time once more at the end; each is
    judged like this one, and its `decode_tok_s` is that of one request among the others."""
    depths: tuple["Measurement", ...] = ()
    """After more context, in the order of the plan, each judged like this one."""
    bound: Bound | None = None
    """What bounds the rate; None: not asked for."""
    profile: dict[str, Any]
    """Engine, tokens per request, depth, concurrency, ...: two numbers can only be compared with the same profile."""
    each: tuple[RequestSpeed, ...] = ()
    """The measured requests one by one."""
    claims: tuple[ClaimResult, ...] = ()
    """Published rates about this model."""
