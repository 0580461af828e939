"""Was the server quiet around the window, and the same all through it?"""

import re
from collections.abc import Sequence

from onbox.judge import thresholds as limit
from onbox.judge.rule import Subject, finding, rule
from onbox.judge.speed.check_context import CheckContext
from onbox.schema.checks import Check, Status
from onbox.schema.engine_profile import EngineProfile

BUSY = re.compile(r"running|waiting|processing|deferred|queue")
"""The same of engines that nobody has a profile of; other gauges (averages, settings) say nothing of that."""
COUNTS = ("_total", "_sum", "_count")
"""Scraped counters, which stand still when nobody is served."""


@rule("IDLE_BEFORE", Subject.SERVER, hard=True)
def idle_before(context: CheckContext) -> Check:
    """Nobody else was served before the window: what runs or waits is zero, and counters stand still."""
    scrapes = context.run.idle_before
    evidence = f"{context.where}/run.json"
    busy = {name for scrape in scrapes for name in scrape if _is_busy(name, context.profiles)}
    looked = [scrape for scrape in scrapes if busy & set(scrape)]
    if len(looked) < limit.IDLE_SCRAPES_MIN:
        return finding(
            status=Status.UNKNOWN,
            observed=len(looked),
            threshold=limit.IDLE_SCRAPES_MIN,
            unit="scrapes",
            evidence=evidence,
            hint="whether the server was idle could not be seen: start it with its metrics on",
        )
    active = max((value for scrape in scrapes for name, value in scrape.items() if name in busy), default=0.0)
    moved = [name for name in scrapes[0] if name.endswith(COUNTS) and len({scrape.get(name) for scrape in scrapes}) > 1]
    good = active == 0 and not moved
    return finding(
        status=Status.PASS if good else Status.FAIL,
        observed=active if active or not moved else ", ".join(moved),
        threshold=0,
        unit="requests",
        evidence=evidence,
        hint="" if good else "someone else was being served: stop the other client and measure again",
    )


@rule("IDLE_AFTER", Subject.SERVER, hard=True)
def idle_after(context: CheckContext) -> Check:
    """Nobody else was being served when the window closed: engines count a request only when it ends."""
    busy = context.counters.busy if context.counters else None
    status = Status.UNKNOWN if busy is None else Status.FAIL if busy else Status.PASS
    hints = {
        Status.UNKNOWN: "the server does not say what it is serving",
        Status.FAIL: "a request that is not ours was under way at the end of the window: measure again",
    }
    return finding(
        status=status,
        observed=busy,
        threshold=0,
        unit="requests",
        evidence=f"{context.where}/metrics-after.prom",
        hint=hints.get(status, ""),
    )


@rule("COUNTER_RESET", Subject.SERVER, hard=True)
def counter_reset(context: CheckContext) -> Check:
    """The counters only grew: one that fell means that the server was restarted inside the window."""
    evidence = f"{context.where}/metrics-after.prom"
    if context.counters is None:
        return finding(
            status=Status.UNKNOWN,
            observed=None,
            threshold=0,
            evidence=evidence,
            hint="the server offers no counters that onbox knows",
        )
    resets = context.counters.resets
    return finding(
        status=Status.FAIL if resets else Status.PASS,
        observed=", ".join(resets) or 0,
        threshold=0,
        evidence=evidence,
        hint="the server was restarted while it was measured: measure again" if resets else "",
    )


def _is_busy(name: str, profiles: Sequence[EngineProfile]) -> bool:
    """Whether a gauge is zero when nobody is served."""
    named = any(name in each.counters.busy for each in profiles if each.counters)
    return named or (BUSY.search(name) is not None and not name.endswith(COUNTS))
