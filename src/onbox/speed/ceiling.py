"""What bounds a decode rate where the weights are known: bytes a token over the bandwidth of the box."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onbox import fit
from onbox.atomic_files import write_json
from onbox.box.bandwidth import cpu_bandwidth
from onbox.evidence.records import Ceiling, StepBytes
from onbox.fit.roofline import ABOVE_MEASURED_SHARE, AT_CEILING_SHARE, NOT_BOUND_SHARE
from onbox.weights import Facts

FILE = "fit.json"
CPU = "cpu"


CONTEXTS = (0, *(2**power for power in range(6, 21)))
"""At which the bytes of a step are kept: between two of them they grow in a line, but for the edge of a window."""


def write_ceiling(
    home: Path,
    facts: Facts,
    *,
    depth_tokens: int,
    box: Path,
    depths: Sequence[int] = (),
    concurrency: Sequence[int] = (),
) -> None:
    """Write `fit.json` into a contender's folder; nothing where no bandwidth was measured,
    or where something that a step reads is not known.

    Args:
        home: the contender's folder.
        facts: about its weights.
        depth_tokens: of the measurement; the shortest context counts, so that the ceiling is not too low.
        box: the trial's `box.json`.
        depths: further ones that are measured; the bytes of a step are kept by context then.
        concurrency: further numbers of requests at a time.
    """
    told = _bandwidth(box)
    measured, nominal = told.get("read_gb_s"), told.get("nominal_gb_s")
    known = measured or nominal
    if not known or facts.all_unknown:
        return
    context = min(depth_tokens, facts.context_length or depth_tokens)
    least = _least(facts, context)
    ceiling = Ceiling(
        source=facts.source,
        step_bytes=least.step_bytes,
        resident=least.resident,
        context_tokens=context,
        measured_gb_s=measured,
        nominal_gb_s=nominal,
        cache_bytes=told.get("cache_bytes"),
        **_limits(known, nominal),
        steps=_steps(facts, max(depths)) if depths else (),
        sequence_bytes_max=_by_sequences(facts, context, least.step_bytes, concurrency),
    )
    write_json(home / FILE, ceiling)


def _least(facts: Facts, context: int, batch: int = 1) -> fit.Scenario:
    scenarios = fit.fit(facts, context=context, batch=batch).scenarios
    return min(scenarios, key=lambda scenario: scenario.step_bytes)


def _steps(facts: Facts, deepest: int) -> tuple[StepBytes, ...]:
    longest = min(facts.context_length or CONTEXTS[-1], 4 * deepest)
    contexts = [*(each for each in CONTEXTS if each < longest), longest]
    return tuple(StepBytes(context_tokens=each, step_bytes=_least(facts, each).step_bytes) for each in contexts)


def _by_sequences(facts: Facts, context: int, alone: float, concurrency: Sequence[int]) -> tuple[float, ...]:
    """Of routed experts the bytes of several sequences are those of independent ones, which is the most."""
    return tuple((_least(facts, context, n).step_bytes - alone) / (n - 1) for n in concurrency if n > 1)


def measure_again(home: Path, box: Path) -> None:
    """Measure the processor's bandwidth once more, now that the decode rate is known, and keep the higher value.

    Others only ever slow a read down: one that was measured while they worked would make a true rate impossible.
    """
    path = home / FILE
    if not path.is_file() or _bandwidth(box).get("device") != CPU:
        return
    before = Ceiling.model_validate_json(path.read_bytes())
    measured = max(cpu_bandwidth().read_gb_s, before.measured_gb_s or 0.0)
    limits = _limits(measured, before.nominal_gb_s)
    write_json(path, before.model_copy(update={"measured_gb_s": measured, **limits}))


def _limits(known_gb_s: float, nominal_gb_s: float | None) -> dict[str, float]:
    return {
        "impossible_above_gb_s": nominal_gb_s or known_gb_s * ABOVE_MEASURED_SHARE,
        "at_ceiling_from_gb_s": known_gb_s * AT_CEILING_SHARE,
        "not_bound_below_gb_s": known_gb_s * NOT_BOUND_SHARE,
    }


def _bandwidth(box: Path) -> dict[str, Any]:
    """Of the processor that would decode, as `box.json` tells it."""
    try:
        told = json.loads(box.read_bytes()).get("bandwidth")
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
