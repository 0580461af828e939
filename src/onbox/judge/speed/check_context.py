"""What the checks of a decode measurement look at, and how they report what they found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onbox.evidence.decode_rate import Sample
from onbox.evidence.records import Ceiling, CpuWindow, Exchange, Moment, PreflightCase, SpeedRecord
from onbox.judge.results import Uncertainty, Witness
from onbox.judge.rule import finding
from onbox.judge.speed.concurrency import ConcurrentWindow
from onbox.judge.speed.metrics import Counters
from onbox.schema.checks import Check, Status
from onbox.schema.engine_profile import EngineProfile

CheckValue = float | str | None


@dataclass(frozen=True)
class CheckContext:
    """What the checks look at; `samples` are the measured requests."""

    where: str
    run: SpeedRecord
    exchanges: Sequence[Exchange]
    samples: Sequence[Sample]
    warmups: Sequence[Sample]
    counters: Counters | None
    profiles: Sequence[EngineProfile]
    """By which its counters and times were read: what was recorded, then what comes with onbox."""
    witnesses: Sequence[Witness]
    uncertainty: Uncertainty | None
    """Of the rate; None until it is known, and where it cannot be stated."""
    cpu: Mapping[int, CpuWindow]
    moments: Sequence[Moment]
    coherence: PreflightCase | None
    model_name: PreflightCase | None
    """Of a model that the server does not list; None: it does, or nobody asked."""
    without_sense: bool
    """The weights are random on purpose."""
    ceiling: Ceiling | None
    implied_gb_s: float | None
    """Bandwidth that the rate needs; None where the weights are not known."""
    together: ConcurrentWindow | None
    """Of requests that were made several at a time; None: one at a time."""
    drift: float | None
    """The rate of one at a time after all other concurrencies, over that before them, less 1; None: no sweep."""

    def file(self, name: str) -> str:
        """A file of the measurement, relative to the trial folder."""
        return f"{self.where}/{name}"


def check(
    bad: Status | None,
    hint: str,
    *,
    observed: CheckValue,
    threshold: CheckValue,
    unit: str,
    evidence: str,
) -> Check:
    """What a rule found.

    Args:
        bad: `fail`, `warn` or `unknown`; None: the rule is satisfied.
        hint: said when it is not.
    """
    return finding(
        status=bad or Status.PASS,
        observed=observed,
        threshold=threshold,
        unit=unit,
        evidence=evidence,
        hint=hint if bad else "",
    )


def unknown_check(hint: str, *, threshold: CheckValue, unit: str, evidence: str) -> Check:
    """The rule could not see what it asks for."""
    return check(Status.UNKNOWN, hint, observed=None, threshold=threshold, unit=unit, evidence=evidence)
