"""Did the box serve the measurement alone? Rules about processors, memory, sleep and onbox itself."""

import math
from collections.abc import Sequence
from itertools import pairwise

from onbox.evidence.decode_rate import SECOND_NS
from onbox.evidence.records import CpuWindow, Moment
from onbox.judge import thresholds as limit
from onbox.judge.rule import Subject, rule
from onbox.judge.speed.check_context import CheckContext, check, unknown_check
from onbox.schema.checks import Check, Status

UNWATCHED = "nobody looked at the box often enough while it was measured"


@rule("FOREIGN_CPU", Subject.BOX, hard=True)
def foreign_cpu(context: CheckContext) -> Check:
    """Nobody else used the processors while we measured."""
    windows, evidence = _windows(context), context.file("telemetry.jsonl")
    capacity = math.fsum(window.wall_s * window.cores for window in windows)
    most = 100 * limit.FOREIGN_CPU_WARN
    if capacity <= 0 or any(window.engine_s is None for window in windows):
        hint = "the engine's use of the processors is not ours to see, so neither is anyone else's"
        return unknown_check(hint, threshold=most, unit="%", evidence=evidence)
    used = math.fsum(window.busy_s - (window.engine_s or 0.0) - window.own_s for window in windows)
    share = max(0.0, used / capacity)
    fails, warns = share > limit.FOREIGN_CPU_FAIL, share > limit.FOREIGN_CPU_WARN
    return check(
        Status.FAIL if fails else Status.WARN if warns else None,
        "other programs used the processors: stop them and measure again",
        observed=round(100 * share, 1),
        threshold=100 * limit.FOREIGN_CPU_FAIL if fails else most,
        unit="%",
        evidence=evidence,
    )


@rule("CLIENT_CPU", Subject.BOX)
def client_cpu(context: CheckContext) -> Check:
    """onbox itself was not what set the pace."""
    windows, evidence = _windows(context), context.file("telemetry.jsonl")
    wall_s = math.fsum(window.wall_s for window in windows)
    most = 100 * limit.CLIENT_CPU_MAX
    if wall_s <= 0:
        hint = "how much of a processor onbox itself needed was not written down"
        return unknown_check(hint, threshold=most, unit="% of a core", evidence=evidence)
    share = math.fsum(window.own_s for window in windows) / wall_s
    return check(
        Status.WARN if share > limit.CLIENT_CPU_MAX else None,
        "onbox needed most of a core to read the stream, and may be what set the pace: give it a core of its own",
        observed=round(100 * share, 1),
        threshold=most,
        unit="% of a core",
        evidence=evidence,
    )


@rule("CLIENT_LAG", Subject.BOX)
def client_lag(context: CheckContext) -> Check:
    """onbox woke in time, so that stamps are those of the arrivals: against the time that a request decodes for."""
    spans = [sample.observed[1] for sample in context.samples if sample.observed]
    most_s = limit.BOUNDED_MAX * math.fsum(spans) / max(1, len(spans))
    late_s, evidence = wake_up_p99_s(context), context.file("telemetry.jsonl")
    if late_s is None:
        return unknown_check(UNWATCHED, threshold=_ms(most_s), unit="ms", evidence=evidence)
    return check(
        Status.WARN if late_s > most_s else None,
        "onbox woke late, and its stamps with it: the processors are busy; leave one of them free",
        observed=_ms(late_s),
        threshold=_ms(most_s),
        unit="ms",
        evidence=evidence,
    )


def wake_up_p99_s(context: CheckContext) -> float | None:
    """How late onbox woke, 99th percentile over the looks at the box; None where nobody looked."""
    late = sorted(moment.late_s for moment in watched(context))
    return late[min(len(late) - 1, math.ceil(0.99 * len(late)) - 1)] if late else None


@rule("ASLEEP", Subject.BOX, hard=True)
def asleep(context: CheckContext) -> Check:
    """The box did not sleep meanwhile: its clock for intervals stands still then."""
    moments, evidence = watched(context), context.file("telemetry.jsonl")
    most = _ms(limit.ASLEEP_MAX_NS / SECOND_NS)
    if not moments:
        return unknown_check(UNWATCHED, threshold=most, unit="ms", evidence=evidence)
    slept_ns = max(0, moments[-1].asleep_ns - moments[0].asleep_ns)
    return check(
        Status.FAIL if slept_ns > limit.ASLEEP_MAX_NS else None,
        "the box slept while it was measured: keep it awake and measure again",
        observed=_ms(slept_ns / SECOND_NS),
        threshold=most,
        unit="ms",
        evidence=evidence,
    )


@rule("STEAL", Subject.BOX)
def steal(context: CheckContext) -> Check:
    """The hypervisor gave the processors to nobody else."""
    windows, evidence = _windows(context), context.file("telemetry.jsonl")
    capacity = math.fsum(window.wall_s * window.cores for window in windows)
    most = 100 * limit.STEAL_MAX
    if capacity <= 0:
        return unknown_check("steal was not written down", threshold=most, unit="%", evidence=evidence)
    share = math.fsum(window.steal_s for window in windows) / capacity
    return check(
        Status.WARN if share > limit.STEAL_MAX else None,
        "the hypervisor gave the processors to other machines: measure on a machine of its own",
        observed=round(100 * share, 2),
        threshold=most,
        unit="%",
        evidence=evidence,
    )


@rule("MEMORY", Subject.BOX)
def memory(context: CheckContext) -> Check:
    """Memory did not run short: nothing was swapped, and no task stood still for want of memory."""
    moments, evidence = watched(context), context.file("telemetry.jsonl")
    most = 100 * limit.MEMORY_STALL_MAX
    swapped = _grown([moment.swapped_pages for moment in moments])
    stalled_us = _grown([moment.stalled_us.get("memory") for moment in moments])
    if swapped is None and stalled_us is None:
        hint = UNWATCHED if not moments else "the kernel tells neither stalls nor swapping"
        return unknown_check(hint, threshold=most, unit="%", evidence=evidence)
    wall_us = (moments[-1].t_ns - moments[0].t_ns) / 1000
    share = (stalled_us or 0) / max(1.0, wall_us)
    bad = bool(swapped) or share > limit.MEMORY_STALL_MAX
    return check(
        Status.WARN if bad else None,
        _short_of_memory(swapped, share),
        observed=round(100 * share, 2),
        threshold=most,
        unit="% of the time stalled" if stalled_us is not None else "% (only swapping is told)",
        evidence=evidence,
    )


def _short_of_memory(swapped: int | None, share: float) -> str:
    signs = f"{swapped:,} pages swapped" if swapped else f"a task waited for it {100 * share:.0f} % of the time"
    return f"memory ran short ({signs}): close other programs, or take a smaller context"


def watched(context: CheckContext) -> Sequence[Moment]:
    """The moments of the measured requests; none when they do not cover them, or have gaps."""
    measured = [exchange for exchange in context.exchanges if exchange.purpose == "measured"]
    if not measured or len(context.moments) < 2:
        return ()
    begin_ns = min(exchange.t0_ns for exchange in measured)
    end_ns = max(exchange.t0_ns + (exchange.ended_ns or 0) for exchange in measured)
    stamps = [moment.t_ns for moment in context.moments]
    covered = stamps[0] <= begin_ns and stamps[-1] >= end_ns
    gap_s = max(later - earlier for earlier, later in pairwise(stamps)) / SECOND_NS
    often = (len(stamps) - 1) * SECOND_NS >= limit.MOMENTS_HZ_MIN * (stamps[-1] - stamps[0])
    return context.moments if covered and often and gap_s <= limit.MOMENT_GAP_MAX_S else ()


def _windows(context: CheckContext) -> list[CpuWindow]:
    """Of the measured requests; none when one of them is missing."""
    windows = [context.cpu.get(sample.id) for sample in context.samples]
    known = [window for window in windows if window is not None]
    return known if len(known) == len(windows) else []


def _grown(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return known[-1] - known[0] if known and len(known) == len(values) else None


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 3)
