"""One validity rule applied once: of a box, a launch, a measurement or a trial."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a check came out; `unknown` is what could not be seen, and never a pass."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Check:
    """One validity rule applied once; `observed` is None where what it asks about does not tell."""

    id: str
    """`TOKEN_RESIDUAL`, `WITNESSES_AGREE`, ...: from a closed vocabulary."""
    status: Status
    observed: int | float | str | None
    threshold: int | float | str | None
    unit: str = ""
    evidence: str = ""
    """For a measurement or a trial, the file in its folder that shows it; otherwise how it was observed, in words."""
    hint: str = ""
    """What was observed, why it matters, and what to do; empty for a pass."""
