"""What bounds a decode rate where the weights are known: bytes a token over the bandwidth of the box."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onbox import fit
from onbox.atomic_files import write_json
from onbox.box.bandwidth import cpu_bandwidth
from onbox.engines.base import GpuUse
from onbox.errors import UsageError
from onbox.evidence.folder import read_json
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
    gpus: GpuUse | None = None,
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
        gpus: that the engine uses; None: of several it is not known how many.
    """
    roof = roof_of(box, gpus)
    if roof is None or facts.all_unknown:
        return
    context = min(depth_tokens, facts.context_length or depth_tokens)
    least = _least(facts, context)
    ceiling = Ceiling(
        source=facts.source,
        step_bytes=least.step_bytes,
        resident=least.resident,
        stored_step_bytes=_most(facts, context).step_bytes,
        context_tokens=context,
        measured_gb_s=roof.measured_gb_s,
        nominal_gb_s=roof.nominal_gb_s,
        cache_bytes=roof.cache_bytes,
        devices=roof.devices,
        **_limits(roof.most_gb_s, roof.nominal_gb_s, roof.least_gb_s),
        steps=_steps(facts, max(depths)) if depths else (),
        sequence_bytes_max=_by_sequences(facts, context, least.step_bytes, concurrency),
    )
    write_json(home / FILE, ceiling)


@dataclass(frozen=True)
class Bandwidths:
    """What can be read at once, GB of 10^9 bytes; of several GPUs added up: communication between them is left out.

    Args:
        measured_gb_s, nominal_gb_s: at most: of all GPUs that may read at once. None: not known.
        least_gb_s: that are sure to be there: fewer GPUs, or the slower of unlike ones.
        devices: added up; None: how many are used is not known.
        cache_bytes: of all of them.
    """

    measured_gb_s: float | None
    nominal_gb_s: float | None
    least_gb_s: float
    devices: int | None
    cache_bytes: int | None

    @property
    def most_gb_s(self) -> float:
        return self.measured_gb_s or self.nominal_gb_s or 0.0


def roof_of(box: Path, gpus: GpuUse | None) -> Bandwidths | None:
    """What the devices that an engine uses can read, by the trial's `box.json`; None: not known."""
    first = _bandwidth(box)
    listed = _bandwidths(box)
    measured, nominal = first.get("read_gb_s"), first.get("nominal_gb_s")
    if len(listed) < 2:
        known = measured or nominal
        if not known or (gpus is not None and gpus.total > max(1, len(listed))):
            return None  # GPUs of another box, or one that could not be measured
        return Bandwidths(measured, nominal, known, 1, first.get("cache_bytes"))
    most = len(listed) if gpus is None else gpus.total
    if most > len(listed):
        return None
    rates = sorted(each["read_gb_s"] for each in listed)
    stated = sorted(each["nominal_gb_s"] for each in listed if each.get("nominal_gb_s"))
    caches = sorted(each.get("cache_bytes") or 0 for each in listed)
    return Bandwidths(
        sum(rates[-most:]),
        sum(stated[-most:]) if len(stated) == len(listed) else None,
        sum(rates[: 1 if gpus is None else gpus.tensor]),
        None if gpus is None else gpus.total,
        sum(caches[-most:]) or None,
    )


def _least(facts: Facts, context: int, batch: int = 1) -> fit.Scenario:
    scenarios = fit.fit(facts, context=context, batch=batch).scenarios
    return min(scenarios, key=lambda scenario: scenario.step_bytes)


def _most(facts: Facts, context: int) -> fit.Scenario:
    scenarios = fit.fit(facts, context=context).scenarios
    return max(scenarios, key=lambda scenario: scenario.step_bytes)


def _steps(facts: Facts, deepest: int) -> tuple[StepBytes, ...]:
    longest = min(facts.context_length or CONTEXTS[-1], 4 * deepest)
    contexts = [*(each for each in CONTEXTS if each < longest), longest]
    return tuple(StepBytes(context_tokens=each, step_bytes=_least(facts, each).step_bytes) for each in contexts)


def _by_sequences(facts: Facts, context: int, alone: float, concurrency: Sequence[int]) -> tuple[float, ...]:
    """Of routed experts the bytes of several sequences are those of independent ones, which is the most."""
    return tuple((_least(facts, context, n).step_bytes - alone) / (n - 1) for n in concurrency if n > 1)


def measure_again(home: Path, box: Path, opened_accelerator: bool | None = None) -> None:
    """Measure the processor's bandwidth once more, now that the decode rate is known, and keep the higher value.

    Others only ever slow a read down: one that was measured while they worked would make a true rate impossible.

    Args:
        opened_accelerator: whether the engine has one open. One that has none reads by the processor, whatever GPU is
            in the box.
    """
    path, device = home / FILE, _bandwidth(box)
    if opened_accelerator is False:
        device = next((each for each in _listed(box) if each.get("device") == CPU), {"device": CPU})
    if not path.is_file() or device.get("device") != CPU:
        return
    before = Ceiling.model_validate_json(path.read_bytes())
    now = cpu_bandwidth()
    measured, nominal = max(now.read_gb_s, device.get("read_gb_s") or 0.0), device.get("nominal_gb_s")
    if device == _bandwidth(box):
        measured = max(measured, before.measured_gb_s or 0.0)
    of_device = {"nominal_gb_s": nominal, "cache_bytes": device.get("cache_bytes"), "devices": 1}
    limits = _limits(measured, nominal, measured)
    write_json(path, before.model_copy(update={"measured_gb_s": measured, **of_device, **limits}))


def _limits(known_gb_s: float, nominal_gb_s: float | None, least_gb_s: float) -> dict[str, float]:
    return {
        "impossible_above_gb_s": nominal_gb_s or known_gb_s * ABOVE_MEASURED_SHARE,
        "at_ceiling_from_gb_s": known_gb_s * AT_CEILING_SHARE,
        "not_bound_below_gb_s": least_gb_s * NOT_BOUND_SHARE,
    }


def _bandwidth(box: Path) -> dict[str, Any]:
    """Of the processor that would decode, as `box.json` tells it."""
    fields = _box_record(box).get("bandwidth")
    return fields if isinstance(fields, dict) else {}


def _bandwidths(box: Path) -> list[dict[str, Any]]:
    """Of each GPU."""
    return [each for each in _listed(box) if each.get("device") != CPU]


def _listed(box: Path) -> list[dict[str, Any]]:
    """Of each device."""
    fields = _box_record(box).get("bandwidths")
    return [each for each in fields or () if isinstance(each, dict)]


def _box_record(box: Path) -> dict[str, Any]:
    try:
        found = read_json(box)
    except UsageError:
        return {}
    return found if isinstance(found, dict) else {}
