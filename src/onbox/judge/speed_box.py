"""Did the box serve the measurement alone? Rules about processors, memory, clocks and onbox itself."""

import math

from onbox.judge import thresholds as limit
from onbox.judge.results import Check, Status
from onbox.judge.speed_seen import Seen


def foreign_cpu(seen: Seen) -> Check:
    """Nobody else used the processors while we measured."""
    windows = [seen.cpu.get(sample.id) for sample in seen.samples]
    evidence = f"{seen.where}/telemetry.jsonl"
    shown = [window for window in windows if window is not None and window.engine_s is not None]
    capacity = math.fsum(window.wall_s * window.cores for window in shown)
    if not shown or len(shown) < len(windows) or capacity <= 0:
        return Check(
            id="FOREIGN_CPU",
            status=Status.UNKNOWN,
            observed=None,
            threshold=100 * limit.FOREIGN_CPU_WARN,
            unit="%",
            evidence=evidence,
            hint="the engine's use of the processors is not ours to see, so neither is anyone else's",
        )
    used = math.fsum(window.busy_s - (window.engine_s or 0.0) - window.own_s for window in shown)
    share = max(0.0, used / capacity)
    fails, warns = share > limit.FOREIGN_CPU_FAIL, share > limit.FOREIGN_CPU_WARN
    return Check(
        id="FOREIGN_CPU",
        status=Status.FAIL if fails else Status.WARN if warns else Status.PASS,
        observed=round(100 * share, 1),
        threshold=100 * (limit.FOREIGN_CPU_FAIL if fails else limit.FOREIGN_CPU_WARN),
        unit="%",
        evidence=evidence,
        hint="other programs used the processors: stop them and measure again" if warns else "",
    )
