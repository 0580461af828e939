"""Will it fit, how fast can it be, is a claimed rate possible?"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from onbox import box, fit
from onbox.app.sources import read_weights
from onbox.box.describe import Box, unified
from onbox.box.gpu_selection import named, selected
from onbox.box.gpus import Accelerator
from onbox.errors import UsageError
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
    tensor_parallel: int = 1,
    tell: Callable[[str], None] = lambda text: None,
) -> FitResult:
    """Memory, the ceiling of the decode rate, and whether a claimed rate is possible.

    Args:
        source: as `onbox.read_weights` takes it.
        context: tokens in each sequence.
        batch: sequences decoded together.
        bandwidth_gb_s: what memory of another box can read at most, of one of its devices; None measures this one.
        nominal_gb_s: bandwidth as the maker of another box states it, of one of its devices.
        resident: what the engine really keeps, as `moe=mxfp4,lm_head=fp8`.
        kv_dtype: type of the KV cache.
        acceptance: mean tokens a pass with speculation.
        measured_tok_s: a claimed rate to judge, over all sequences together.
        tensor_parallel: GPUs that hold the model together, each a share of every layer.
        tell: called with a line before this box is measured.

    Raises:
        UsageError: the source or `resident` is malformed, or this box has not so many GPUs.
        BoxError, FetchError: as `onbox.read_weights`.
    """
    overrides = fit.parse_overrides(resident) if resident else None
    if tensor_parallel < 1:
        raise UsageError(f"--tensor-parallel {tensor_parallel}: must be 1 or more")
    facts, room, note = read_weights(source), None, ""
    elsewhere = bandwidth_gb_s is not None or nominal_gb_s is not None
    if elsewhere:
        bandwidth_gb_s = None if bandwidth_gb_s is None else bandwidth_gb_s * tensor_parallel
        nominal_gb_s = None if nominal_gb_s is None else nominal_gb_s * tensor_parallel
    else:
        tell("measuring read bandwidth ...")
        this = box.describe()
        used, note = devices_used(this.accelerators, os.environ, tensor_parallel)
        room = fit.room(this.memory, used, this.desktop_session, devices=tensor_parallel)
        bandwidth_gb_s, nominal_gb_s = bandwidths_of(this, used[:tensor_parallel])
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
        devices=tensor_parallel,
        note=note,
    )
    return FitResult(facts, found)


def devices_used(
    devices: tuple[Accelerator, ...], environment: Mapping[str, str], wanted: int
) -> tuple[tuple[Accelerator, ...], str]:
    """(the GPUs that an engine started here may use, in its order; what is to be said of that).

    Where `CUDA_VISIBLE_DEVICES` does not tell which they are, the smallest come first, since one of them may be meant.

    Raises:
        UsageError: there are not so many as wanted, or they share one memory.
    """
    selection = selected(devices, environment)
    usable, note = selection.devices, ""
    if usable is None:
        smallest = sorted(devices, key=lambda each: each.memory_free_bytes or 0)
        usable, note = tuple(smallest), f"{selection.why}: calculated with the smallest"
    elif len(usable) < len(devices):
        note = f"{selection.why}: {named(usable) or 'none'} of {named(devices)}"
    if wanted > 1 and (wanted > len(usable) or unified(usable) is True):
        has = named(usable) or "no GPU with its own memory"
        raise UsageError(
            f"--tensor-parallel {wanted}: this box has {has}", "for another box add --bandwidth, that of one device"
        )
    if wanted == 1 and len(usable) > 1 and not note:
        note = f"reckoned for one of {named(usable)}: --tensor-parallel {len(usable)} is for all"
    return usable, note


def bandwidths_of(this: Box, used: tuple[Accelerator, ...]) -> tuple[float | None, float | None]:
    """(measured, nominal) read bandwidth of these GPUs together, or of the processor that would decode without any."""
    numbers = {each.index for each in used}
    theirs = [each for each in this.bandwidths if each.index is not None and each.index in numbers]
    if not used or unified(used) is True or len(theirs) < len(numbers):
        if this.bandwidth is None or len(numbers) > 1:
            return None, None
        return this.bandwidth.read_gb_s, this.bandwidth.nominal_gb_s
    stated = [each.nominal_gb_s for each in theirs]
    known = [each for each in stated if each is not None]
    return sum(each.read_gb_s for each in theirs), sum(known) if len(known) == len(stated) else None
