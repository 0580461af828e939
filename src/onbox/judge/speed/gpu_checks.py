"""Was the accelerator at full clock, and ours alone? On a box without one there is nothing to ask, and that is said."""

from collections.abc import Mapping, Sequence
from statistics import median

from onbox.evidence.records import GpuMoment
from onbox.judge import thresholds as limit
from onbox.judge.rule import Subject, rule
from onbox.judge.speed.box_checks import UNWATCHED, watched
from onbox.judge.speed.check_context import CheckContext, CheckValue, check, unknown_check
from onbox.schema.checks import Check, Status

NONE_HERE = "no accelerator here"
NONE_OPEN = "the engine has no accelerator open"


@rule("GPU_CLOCK", Subject.BOX)
def clock(context: CheckContext) -> Check:
    """The clock under load is near its maximum: a faulty box can run at a third of it and look healthy."""
    least = 100 * limit.GPU_CLOCK_MIN
    if (unwatched := _not_watched(context, least, "% of the maximum")) is not None:
        return unwatched
    shares = {
        index: [gpu.sm_clock_mhz / gpu.sm_clock_max_mhz for gpu in gpus if gpu.sm_clock_mhz and gpu.sm_clock_max_mhz]
        for index, gpus in _by_device(context).items()
    }
    if missing := [index for index, each in shares.items() if not each]:
        hint = f"the driver does not tell the clock of {_which(context, missing)}"
        return unknown_check(hint, threshold=least, unit="% of the maximum", evidence=_evidence(context))
    middle = {index: median(each) for index, each in shares.items()}
    lowest = min(middle.values())
    slow = [index for index, share in middle.items() if share < limit.GPU_CLOCK_MIN]
    return check(
        Status.WARN if slow else None,
        f"{_which(context, slow)} ran far below its clock: see onbox box, and whether power and cooling are as they"
        " should be",
        observed=round(100 * lowest, 1),
        threshold=least,
        unit="% of the maximum",
        evidence=_evidence(context),
    )


@rule("GPU_THROTTLE", Subject.BOX)
def throttle(context: CheckContext) -> Check:
    """The accelerator was not slowed down by heat or for want of power."""
    most = 100 * limit.GPU_THROTTLE_MAX
    if (looks := _not_watched(context, most, "% of the time")) is not None:
        return looks
    reasons = {index: [gpu.throttle_reasons for gpu in gpus] for index, gpus in _by_device(context).items()}
    if missing := [index for index, each in reasons.items() if None in each]:
        hint = f"the driver does not tell whether it slowed down {_which(context, missing)}"
        return unknown_check(hint, threshold=most, unit="% of the time", evidence=_evidence(context))
    shares = {
        index: sum(bool(limit.GPU_SLOWED & set(each or ())) for each in looks) / len(looks)
        for index, looks in reasons.items()
    }
    slowed = [index for index, share in shares.items() if share > limit.GPU_THROTTLE_MAX]
    named = sorted(limit.GPU_SLOWED & {name for looks in reasons.values() for each in looks for name in each or ()})
    return check(
        Status.WARN if slowed else None,
        f"{_which(context, slowed)} was slowed down ({', '.join(named)}): let it cool, and see its power supply",
        observed=round(100 * max(shares.values()), 1),
        threshold=most,
        unit="% of the time",
        evidence=_evidence(context),
    )


@rule("GPU_SHARED", Subject.BOX)
def shared(context: CheckContext) -> Check:
    """No other process computed on the engine's accelerators."""
    if (unwatched := _not_watched(context, 0, "processes")) is not None:
        return unwatched
    ours = set(context.run.engine_pids)
    used = {
        index: {pid for gpu in gpus for pid in gpu.pids or ()}
        for index, gpus in _by_device(context).items()
        if all(gpu.pids is not None for gpu in gpus)
    }
    used = {index: pids for index, pids in used.items() if pids & ours}
    if not used:
        hint = "the driver does not show the engine among the processes of an accelerator, so others may be there too"
        return unknown_check(hint, threshold=0, unit="processes", evidence=_evidence(context))
    others = sorted(set.union(*used.values()) - ours)
    where = [index for index, pids in used.items() if pids - ours]
    return check(
        Status.WARN if others else None,
        f"other processes computed on {_which(context, where)} ({', '.join(map(str, others))}): stop them and measure"
        " again",
        observed=len(others),
        threshold=0,
        unit="processes",
        evidence=_evidence(context),
    )


def _not_watched(context: CheckContext, threshold: CheckValue, unit: str) -> Check | None:
    """The answer where there is nothing to look at, or nobody looked; None: look."""
    evidence = _evidence(context)
    if not context.run.engine_pids:
        return unknown_check(
            "the engine's process is not seen on this box", threshold=threshold, unit=unit, evidence=evidence
        )
    if context.run.opened_accelerator is False:
        return check(None, "", observed=NONE_OPEN, threshold=threshold, unit="", evidence=evidence)
    if context.run.accelerators is None:
        hint = "an accelerator is here, or may be, that the NVIDIA management library does not tell of"
        return unknown_check(hint, threshold=threshold, unit=unit, evidence=evidence)
    if context.run.accelerators == 0:
        return check(None, "", observed=NONE_HERE, threshold=threshold, unit="", evidence=evidence)
    if not watched(context):
        return unknown_check(UNWATCHED, threshold=threshold, unit=unit, evidence=evidence)
    if not _by_device(context):
        hint = f"the driver does not show on which of {context.run.accelerators} accelerators the engine computes"
        return unknown_check(hint, threshold=threshold, unit=unit, evidence=evidence)
    return None


def _by_device(context: CheckContext) -> Mapping[int, Sequence[GpuMoment]]:
    """Moments of each device that the engine uses; one alone is the one. Empty: of several it is seen on none."""
    devices: dict[int, list[GpuMoment]] = {}
    for moment in watched(context):
        for gpu in moment.gpus:
            devices.setdefault(gpu.index, []).append(gpu)
    ours = set(context.run.engine_pids)
    used = {index: gpus for index, gpus in devices.items() if any(ours & set(gpu.pids or ()) for gpu in gpus)}
    return used or (devices if len(devices) == 1 else {})


def _which(context: CheckContext, devices: Sequence[int]) -> str:
    """`the accelerator`, or which of several."""
    if context.run.accelerators == 1 or not devices:
        return "the accelerator"
    return ("accelerator " if len(devices) == 1 else "accelerators ") + ", ".join(map(str, sorted(devices)))


def _evidence(context: CheckContext) -> str:
    return context.file("telemetry.jsonl")
