"""Was the accelerator at full clock, and ours alone? On a box without one there is nothing to ask, and that is said."""

from collections.abc import Sequence
from statistics import median

from onbox.evidence.records import GpuMoment
from onbox.judge import thresholds as limit
from onbox.judge.rule import Subject, rule
from onbox.judge.speed.box_checks import UNWATCHED, watched
from onbox.judge.speed.check_context import CheckContext, Observed, check, unknown_check
from onbox.schema.checks import Check, Status

NONE_HERE = "no accelerator here"


@rule("GPU_CLOCK", Subject.BOX)
def clock(context: CheckContext) -> Check:
    """The clock under load is near its maximum: a faulty box can run at a third of it and look healthy."""
    least = 100 * limit.GPU_CLOCK_MIN
    if (told := _not_watched(context, least, "% of the maximum")) is not None:
        return told
    shares = [
        [gpu.sm_clock_mhz / gpu.sm_clock_max_mhz for gpu in gpus if gpu.sm_clock_mhz and gpu.sm_clock_max_mhz]
        for gpus in _by_device(context)
    ]
    if not all(shares):
        hint = "the driver does not tell the clock of the accelerator"
        return unknown_check(hint, threshold=least, unit="% of the maximum", evidence=_evidence(context))
    lowest = min(median(each) for each in shares)
    return check(
        Status.WARN if lowest < limit.GPU_CLOCK_MIN else None,
        "the accelerator ran far below its clock: see onbox box, and whether power and cooling are as they should be",
        observed=round(100 * lowest, 1),
        threshold=least,
        unit="% of the maximum",
        evidence=_evidence(context),
    )


@rule("GPU_THROTTLE", Subject.BOX)
def throttle(context: CheckContext) -> Check:
    """The accelerator was not slowed down by heat or for want of power."""
    most = 100 * limit.GPU_THROTTLE_MAX
    if (told := _not_watched(context, most, "% of the time")) is not None:
        return told
    reasons = [[gpu.throttle_reasons for gpu in gpus] for gpus in _by_device(context)]
    if any(each is None for gpus in reasons for each in gpus):
        hint = "the driver does not tell whether it slowed the accelerator down"
        return unknown_check(hint, threshold=most, unit="% of the time", evidence=_evidence(context))
    shares = [sum(bool(limit.GPU_SLOWED & set(each or ())) for each in gpus) / len(gpus) for gpus in reasons]
    named = sorted(limit.GPU_SLOWED & {name for gpus in reasons for each in gpus for name in each or ()})
    return check(
        Status.WARN if max(shares) > limit.GPU_THROTTLE_MAX else None,
        f"the accelerator was slowed down ({', '.join(named)}): let it cool, and see its power supply",
        observed=round(100 * max(shares), 1),
        threshold=most,
        unit="% of the time",
        evidence=_evidence(context),
    )


@rule("GPU_SHARED", Subject.BOX)
def shared(context: CheckContext) -> Check:
    """No other process computed on the engine's accelerators."""
    if (told := _not_watched(context, 0, "processes")) is not None:
        return told
    ours = set(context.run.engine_pids)
    pids = [
        {pid for gpu in gpus for pid in gpu.pids or ()}
        for gpus in _by_device(context)
        if all(gpu.pids is not None for gpu in gpus)
    ]
    used = [each for each in pids if each & ours]
    if not used:
        hint = "the driver does not show the engine among the processes of an accelerator, so others may be there too"
        return unknown_check(hint, threshold=0, unit="processes", evidence=_evidence(context))
    others = sorted(set.union(*used) - ours)
    return check(
        Status.WARN if others else None,
        f"other processes computed on the accelerator ({', '.join(map(str, others))}): stop them and measure again",
        observed=len(others),
        threshold=0,
        unit="processes",
        evidence=_evidence(context),
    )


def _not_watched(context: CheckContext, threshold: Observed, unit: str) -> Check | None:
    """The answer where there is nothing to look at, or nobody looked; None: look."""
    evidence = _evidence(context)
    if not context.run.engine_pids:
        return unknown_check(
            "the engine's process is not seen on this box", threshold=threshold, unit=unit, evidence=evidence
        )
    if context.run.accelerators is None:
        hint = "an accelerator is here, or may be, that the NVIDIA management library does not tell of"
        return unknown_check(hint, threshold=threshold, unit=unit, evidence=evidence)
    if context.run.accelerators == 0:
        return check(None, "", observed=NONE_HERE, threshold=threshold, unit="", evidence=evidence)
    if not watched(context):
        return unknown_check(UNWATCHED, threshold=threshold, unit=unit, evidence=evidence)
    return None


def _by_device(context: CheckContext) -> Sequence[Sequence[GpuMoment]]:
    """Moments of each device that the engine uses; of all where it is not seen on one."""
    devices: dict[int, list[GpuMoment]] = {}
    for moment in watched(context):
        for gpu in moment.gpus:
            devices.setdefault(gpu.index, []).append(gpu)
    ours = set(context.run.engine_pids)
    used = [gpus for gpus in devices.values() if any(ours & set(gpu.pids or ()) for gpu in gpus)]
    return used or list(devices.values())


def _evidence(context: CheckContext) -> str:
    return context.file("telemetry.jsonl")
