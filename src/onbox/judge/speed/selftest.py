"""Did the measurement of a server of known truth come out as it must?"""

from onbox.evidence.records import Record
from onbox.evidence.trial_evidence import SpeedEvidence
from onbox.evidence.truth import Truth
from onbox.judge import thresholds as limit
from onbox.judge.results import Validity
from onbox.judge.rounding import rounded
from onbox.judge.speed.checks import HARD, OF_THE_BOX
from onbox.judge.speed.measurement import measure, validity
from onbox.schema.checks import Check, Status

NOT_OF_THE_STREAM = OF_THE_BOX | {"COHERENCE", "PREFIX_CACHE"}
"""Checks that ask about a box, a model and a cache, which a server of known truth does not have."""


class ShapeResult(Record):
    """One shape, judged."""

    name: str
    says: str
    truth_tok_s: float
    measured_tok_s: float | None
    """None when the measurement was refused, or its witnesses differ."""
    error_pct: float | None
    status: Validity
    expected_status: Validity
    checks: tuple[str, ...]
    """Those that refused it, or else those that doubt it."""
    expected_checks: tuple[str, ...]
    passed: bool
    why: str
    """What is wrong, in words; empty when it passed."""


def judge_shape(truth: Truth, evidence: SpeedEvidence | None) -> ShapeResult:
    """Judge the measurement of one shape; None: it was not finished."""
    measured = measure(evidence) if evidence else None
    checks = [c for c in measured.checks if c.id not in NOT_OF_THE_STREAM] if measured else []
    status = validity(checks) if measured else Validity.INVALID
    rate = measured.decode_tok_s if measured and status is not Validity.INVALID else None
    error_pct = None if rate is None else 100 * (rate / truth.tok_s - 1)
    found = _reasons(checks, status)
    why = _why(truth, status, found, error_pct)
    return ShapeResult(
        name=truth.name,
        says=truth.says,
        truth_tok_s=round(truth.tok_s, 3),
        measured_tok_s=None if rate is None else rounded(rate),
        error_pct=None if error_pct is None else round(error_pct, 3),
        status=status,
        expected_status=Validity(truth.expected_status),
        checks=found,
        expected_checks=tuple(sorted(truth.expected_checks)),
        passed=not why,
        why=why,
    )


def _reasons(checks: list[Check], status: Validity) -> tuple[str, ...]:
    if status is Validity.INVALID:
        return tuple(sorted(c.id for c in checks if c.status is Status.FAIL and c.id in HARD))
    return tuple(sorted(c.id for c in checks if c.status is not Status.PASS))


def _why(truth: Truth, status: Validity, found: tuple[str, ...], error_pct: float | None) -> str:
    if status != truth.expected_status:
        return f"it is {status}, by {', '.join(found) or 'no check'}, and should be {truth.expected_status}"
    wanted = tuple(sorted(truth.expected_checks))
    if found != wanted:
        return f"it is {status} by {', '.join(found)} and should be by {', '.join(wanted)}"
    if error_pct is not None and abs(error_pct) > limit.SELFTEST_ERROR_PCT:
        return f"it reads {error_pct:+.2f} percent off"
    return ""
