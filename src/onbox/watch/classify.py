"""What the signs mean: one of seven states, each with the evidence that made it so.

Pure: the same signs in the same phase give the same verdict. `hung` needs two independent witnesses that nothing gets
on for as long as the phase may stand still; one alone is `suspect`. Processor time alone is no progress, and a GPU's
utilisation is not even looked at.
"""

from enum import StrEnum
from typing import Any, NamedTuple

from onbox.schema.units import byte_rate, seconds
from onbox.watch.phases import HOST, KERNELS, PhaseRule
from onbox.watch.samples import NO_DAEMON
from onbox.watch.sign_phrases import rate
from onbox.watch.signs import SPAN_S, SPIN_CPU, UNITS, Signs

SUSPECT_SHARE = 0.25
"""Of the patience: from here on standing still is suspect."""
SUSPECT_AT_LEAST_S = 5.0
TICKS_SHARE_MAX = 0.2
PTX_COMPILER = "the driver's PTX compiler is loaded, so it may be compiling kernels for this chip"
STARVED_MEMORY = 0.10
STARVED_IO = 0.60
STARVED_QUOTA = 0.60
"""Shares of time in which everything stood still for want of it."""


class WatchState(StrEnum):
    """What a stand-up does."""

    PROGRESSING = "progressing"
    SLOW = "slow"
    SUSPECT = "suspect"
    HUNG = "hung"
    STARVED = "starved"
    DEAD = "dead"
    DONE = "done"


class LogFailure(NamedTuple):
    """A line of the log that tells why an engine gets no further, as its engine's table has it."""

    t_s: float
    """When it was read."""
    line: str
    next_step: str


class HangWitness(NamedTuple):
    """One way to see that nothing gets on, independent of the others."""

    name: str
    since_s: float
    """For how long it says so."""
    detail: str


class Assessment(NamedTuple):
    """A state with its evidence."""

    t_s: float
    state: WatchState
    phase: str
    why: str
    """One sentence."""
    moving: dict[str, float]
    """Signs of progress with their rates."""
    witnesses: tuple[HangWitness, ...]
    still_s: float
    patience_s: float
    evidence: dict[str, Any]


def classify(
    signs: Signs, phase: str, rule: PhaseRule, note: str = "", failure: LogFailure | None = None
) -> Assessment:
    """The verdict on a stand-up whose signs these are, in this phase.

    Args:
        note: what limits the verdict, for the evidence.
        failure: what the log told of a failure in this phase. It makes no verdict, since an engine may recover; one
            that is made without it quotes it.
    """
    still_s = signs.still_s(rule.uses)
    moving = signs.moving(rule.uses)
    agreeing = witnesses(signs, rule, still_s)
    state, why = _state(signs, phase, rule, still_s, moving, agreeing)
    if failure is not None and state in (WatchState.SUSPECT, WatchState.HUNG, WatchState.DEAD):
        why += f"; after {seconds(failure.t_s)} the log said: {failure.line}"
    limits = {"version": note} if note else {}
    failed = {"failure": failure._asdict()} if failure is not None else {}
    return Assessment(
        round(signs.t_s, 3),
        state,
        phase,
        why,
        moving,
        agreeing,
        round(still_s, 1),
        rule.patience_s,
        _evidence(signs) | limits | failed,
    )


def _state(
    signs: Signs,
    phase: str,
    rule: PhaseRule,
    still_s: float,
    moving: dict[str, float],
    agree: tuple[HangWitness, ...],
) -> tuple[WatchState, str]:
    if signs.ended:
        return _ended(signs)
    if phase == "serving" and not (signs.tokens and signs.tokens.running + signs.tokens.waiting > 0):
        return (
            WatchState.DONE,
            "it serves; no request runs" if signs.tokens else "it serves; it has no counters to look at",
        )
    if want := _starved(signs, moving):
        return WatchState.STARVED, want
    # Two ticks early: the last move may have been seen one late, and the next look would be past the patience.
    limit_s = rule.patience_s - min(2 * signs.tick_s, TICKS_SHARE_MAX * rule.patience_s)
    enough = [each for each in agree if each.since_s >= limit_s]
    if len(enough) >= 2 and still_s >= limit_s:
        names = " and ".join(each.name for each in enough[:2])
        return WatchState.HUNG, f"nothing of what {phase} lives by moved for {seconds(still_s)}: {names} agree"
    spins = signs.spin >= SPIN_CPU and not signs.bursts.in_rhythm(signs.t_s)
    if still_s < max(SUSPECT_AT_LEAST_S, SUSPECT_SHARE * rule.patience_s) and not spins:
        return _progress(signs, phase, rule, still_s, moving)
    if still_s < SPAN_S:
        return _progress(signs, phase, rule, still_s, moving)
    if spins:
        alone = f"{signs.spin:.1f} s/s of processor and nothing else for {seconds(still_s)}"
        compiler = f"; {PTX_COMPILER}" if signs.ptx_compiler else ""
        return WatchState.SUSPECT, f"{alone}: it may compute, or wait in a circle{compiler}"
    return WatchState.SUSPECT, f"nothing of what {phase} lives by moved for {seconds(still_s)}"


def _ended(signs: Signs) -> tuple[WatchState, str]:
    if signs.exit_code == 0:
        return WatchState.DONE, "it ended, exit code 0"
    code = "its exit code cannot be seen from here" if signs.exit_code is None else f"exit code {signs.exit_code}"
    return WatchState.DEAD, f"it ended, {code}"


def _starved(signs: Signs, moving: dict[str, float]) -> str:
    """What the box withholds; empty where it withholds nothing."""
    if signs.paused:
        return f"{signs.paused} is stopped by a signal; kill -CONT lets it go on"
    if signs.stalls.get("memory", 0.0) >= STARVED_MEMORY:
        return f"everything waits for memory {signs.stalls['memory']:.0%} of the time"
    if signs.stalls.get("quota", 0.0) >= STARVED_QUOTA and not moving:
        return f"the processor quota of its control group makes it wait {signs.stalls['quota']:.0%} of the time"
    if signs.stalls.get("io", 0.0) >= STARVED_IO and not moving:
        return f"everything waits for the disk {signs.stalls['io']:.0%} of the time"
    return ""


def _progress(
    signs: Signs, phase: str, rule: PhaseRule, still_s: float, moving: dict[str, float]
) -> tuple[WatchState, str]:
    if not moving:
        return WatchState.PROGRESSING, f"quiet for {seconds(still_s)}"
    name, most = next(iter(moving.items()))
    if phase == KERNELS:
        return (
            WatchState.PROGRESSING,
            f"{' '.join(signs.compilers)} at {signs.compiling or 'a file'}, {rate(name, most)}",
        )
    for sign, floor in rule.slow_below.items():
        others = [each for each in moving if each not in (sign, "log", "calls", "cache", "write")]
        if sign in moving and moving[sign] < floor and not others:
            return (
                WatchState.SLOW,
                f"{rate(sign, moving[sign])}, below the {byte_rate(floor)} that {phase} should reach",
            )
    return WatchState.PROGRESSING, rate(name, most)


def witnesses(signs: Signs, rule: PhaseRule, still_s: float) -> tuple[HangWitness, ...]:
    """Who says that nothing gets on, and for how long; each looks another way."""
    now = signs.t_s
    found = []
    serves = "tokens" in rule.uses
    if not _blind(signs) and not (serves and signs.spin >= SPIN_CPU):
        # A server that computes on processors moves nothing else, and its tokens are a witness of their own.
        what = "processor time alone" if signs.spin >= SPIN_CPU else "nothing"
        since = signs.still_s(HOST) if serves else still_s
        found.append(HangWitness("counters", since, f"{what} from {len(signs.processes)} processes"))
    if signs.threads is not None and signs.asleep_since_s is not None:
        woken = "" if signs.switches_s is None else f", {signs.switches_s:.0f} switches/s"
        where = f" in {signs.threads.place}" if signs.threads.place else ""
        found.append(
            HangWitness("threads", now - signs.asleep_since_s, f"all {signs.threads.total} sleep{where}{woken}")
        )
    if signs.log_followed and "log" in rule.uses:
        since = now - signs.moved_s.get("log", 0.0)
        found.append(HangWitness("log", since, signs.last_line or "it never said anything"))
    if signs.sockets and "received" in rule.uses:
        quiet = min(each.quiet_s for each in signs.sockets)
        found.append(HangWitness("network", min(quiet, now), f"{len(signs.sockets)} connections open, all silent"))
    if signs.frozen_since_s is not None and signs.tokens is not None:
        detail = f"{signs.tokens.running:.0f} requests run, {signs.tokens.done:.0f} tokens and no more"
        found.append(HangWitness("tokens", now - signs.frozen_since_s, detail))
    if signs.gpu_idle_since_s is not None:
        watts = max((each.power_w or 0.0 for each in signs.gpus), default=0.0)
        found.append(HangWitness("gpu power", now - signs.gpu_idle_since_s, f"{watts:.0f} W with its memory held"))
    if signs.same_stacks_since_s is not None and signs.stacks_s is not None:
        apart = signs.stacks_s - signs.same_stacks_since_s
        if apart > 0:
            # Two looks that agree speak for the time in which nothing else moved either.
            found.append(HangWitness("stacks", still_s, f"the same in two looks {seconds(apart)} apart"))
    return tuple(found)


def _blind(signs: Signs) -> bool:
    """Whether work could go on where this watcher cannot look, and nothing shows that it does not."""
    if NO_DAEMON in signs.cannot:
        return True
    hidden = any(each.chars is None and each.state != "Z" for each in signs.processes)
    return hidden and signs.asleep_since_s is None


def _evidence(signs: Signs) -> dict[str, Any]:
    """What the verdict does not hold by itself; only what there is to say."""
    evidence: dict[str, Any] = {"processes": len(signs.processes), "held_bytes": signs.held_bytes}
    if signs.machine is not None:
        evidence["available_bytes"] = signs.machine.available_bytes
        evidence["total_bytes"] = signs.machine.total_bytes
    if signs.compilers:
        evidence["compilers"] = list(signs.compilers)
    if signs.compiling:
        evidence["compiling"] = signs.compiling
    if signs.course.share is not None:
        evidence["share"] = round(signs.course.share, 4)
        evidence["share_of"] = signs.course.what
    if signs.course.eta_s is not None:
        evidence["eta_s"] = round(signs.course.eta_s, 1)
    if signs.gpus:
        evidence["gpus"] = [each._asdict() for each in signs.gpus]
    if signs.tokens is not None:
        evidence["tokens"] = signs.tokens._asdict()
    if signs.stacks:
        evidence["stacks"] = signs.stacks.splitlines()
    if signs.last_line:
        evidence["last_line"] = signs.last_line
    if signs.exit_code is not None:
        evidence["exit_code"] = signs.exit_code
    if signs.cannot:
        evidence["cannot"] = list(signs.cannot)
    return evidence


def as_json(verdict: Assessment) -> dict[str, Any]:
    """The verdict as `onbox watch --json` prints it: `t`, `state`, `phase`, `evidence`."""
    evidence = {
        "why": verdict.why,
        "moving": [
            {"sign": name, "rate": round(value, 3), "unit": UNITS.get(name, "B/s")}
            for name, value in verdict.moving.items()
        ],
        "still_s": verdict.still_s,
        "patience_s": verdict.patience_s,
        "witnesses": [
            {"name": each.name, "since_s": round(each.since_s, 1), "detail": each.detail} for each in verdict.witnesses
        ],
        **verdict.evidence,
    }
    return {"t": verdict.t_s, "state": str(verdict.state), "phase": verdict.phase, "evidence": evidence}
