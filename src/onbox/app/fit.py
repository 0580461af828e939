"""Will it fit, how fast can it be, is a claimed rate possible?"""

from collections.abc import Callable
from dataclasses import dataclass

from onbox import box, fit
from onbox.app.sources import read_weights
from onbox.fit import Fit
from onbox.weights import Facts


@dataclass(frozen=True)
class FitResult:
    """What was computed, and of what."""

    facts: Facts
    fit: Fit


def fit_weights(
    source: str,
    *,
    context: int = 0,
    batch: int = 1,
    bandwidth_gb_s: float | None = None,
    nominal_gb_s: float | None = None,
    resident: str | None = None,
    kv_dtype: str = "bf16",
    acceptance: float = 1.0,
    measured_tok_s: float | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> FitResult:
    """Memory, the ceiling of the decode rate, and whether a claimed rate is possible.

    Args:
        source: as `onbox.read_weights` takes it.
        context: tokens in each sequence.
        batch: sequences decoded together.
        bandwidth_gb_s: what memory of another box can read at most; None measures this one.
        nominal_gb_s: bandwidth as the maker of another box states it.
        resident: what the engine really keeps, as `moe=mxfp4,lm_head=fp8`.
        kv_dtype: type of the KV cache.
        acceptance: mean tokens a pass with speculation.
        measured_tok_s: a claimed rate to judge, over all sequences together.
        tell: called with a line before this box is measured.

    Raises:
        UsageError: the source or `resident` is malformed.
        BoxError, FetchError: as `onbox.read_weights`.
    """
    overrides = fit.parse_overrides(resident) if resident else None
    facts, room = read_weights(source), None
    elsewhere = bandwidth_gb_s is not None or nominal_gb_s is not None
    if not elsewhere:
        tell("measuring read bandwidth ...")
        this = box.describe()
        room = fit.room(this.memory, this.accelerators, this.desktop_session)
        if this.bandwidth:
            bandwidth_gb_s, nominal_gb_s = this.bandwidth.read_gb_s, this.bandwidth.nominal_gb_s
    found = fit.fit(
        facts,
        context=context,
        batch=batch,
        kv_dtype=kv_dtype,
        overrides=overrides,
        acceptance=acceptance,
        nominal_gb_s=nominal_gb_s,
        measured_gb_s=bandwidth_gb_s,
        rate_tok_s=measured_tok_s,
        place=room,
        exact=elsewhere,
    )
    return FitResult(facts, found)
