"""What the judge says of two decode rates beside each other: shapes of `verdict.json`."""

from enum import StrEnum

from onbox.evidence.records import Record


class RateOrder(StrEnum):
    """Whether one rate is above another by more than what is not known of the two."""

    FASTER = "faster"
    SLOWER = "slower"
    EQUAL = "equal within uncertainty"
    """The interval of their ratio holds 1: which is faster is not shown, and neither is that they are the same."""
    NOT_COMPARED = "not compared"


class RateRatio(Record):
    """One rate over another, with how well the ratio is known (JCGM 100:2008, 5.1.6: relative uncertainties of a
    quotient add in squares)."""

    ratio: float | None
    """Above 1: faster; None: not compared."""
    relative: float | None
    """Half of a 95 percent interval, divided by the ratio."""
    interval: tuple[float, float] | None
    """95 percent."""
    said: RateOrder
    why: str = ""
    """Why the two are not compared; empty: they are."""


class RatePair(RateRatio):
    """The rate of one contender over that of another."""

    old: str
    """The incumbent, or else the first that was measured."""
    new: str


class BoundKind(StrEnum):
    """What takes surely more than half of a step."""

    BANDWIDTH = "bandwidth-bound"
    LAUNCH = "launch-bound"
    """What does not depend on bytes: launches, sampling, the way through the server."""
    COMPUTE = "compute-bound"
    """Work on each sequence."""
    UNDECIDED = "undecided"


class BoundPoint(Record):
    """One depth, or one number of requests at a time."""

    sequences: int
    context_tokens: float
    """Mean over the answers, including their own tokens."""
    step_bytes: float | None
    """Read by one sequence in a step; None: not known."""
    step_s: float
    """Seconds of a forward pass."""
    error_s: float
    """Standard error, from the stated uncertainty."""


class Bound(Record):
    """Seconds a step against bytes a step: what the rate of one request at a time is bound by."""

    kind: BoundKind
    why: str
    """With the numbers that decide, or with what is missing."""
    effective_gb_s: float | None = None
    """Inverse of the slope over depth: the bandwidth that decoding gets (GB of 10^9 bytes)."""
    effective_gb_s_interval: tuple[float, float] | None = None
    fixed_ms: float | None = None
    """Of a step, at zero bytes."""
    fixed_ms_interval: tuple[float, float] | None = None
    bytes_share: float | None = None
    """Of a step without depth: its bytes at that bandwidth."""
    bytes_share_interval: tuple[float, float] | None = None
    sequence_share: float | None = None
    """Of that step: what a further sequence adds beyond what it reads; None: not measured."""
    sequence_share_interval: tuple[float, float] | None = None
    """Its lower end takes as many experts as the sequence could read more."""
    points: tuple[BoundPoint, ...] = ()
