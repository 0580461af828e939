"""Where the memory goes, what a load may need on top, and whether the box can give it without starving the rest."""

from dataclasses import dataclass

from onbox.box.describe import reserve_bytes, unified
from onbox.box.gpu_selection import named
from onbox.box.gpus import Accelerator
from onbox.box.memory import Memory
from onbox.fit.device_share import DeviceShare, device_share
from onbox.fit.resident import Resident
from onbox.schema.units import gib
from onbox.weights.facts import Facts

ALLOWANCE_BYTES = {"gguf": 512 << 20, "safetensors": 4 << 30}
"""For activations, graphs and the engine itself. Our own allowance: an engine with CUDA graphs takes 2 to 4 GiB beside
weights and cache, a native server of GGUF a few hundred MiB."""
FINALIZE_RATIO = 118 / 61
"""Observed once: Marlin's MoE finalize held 118 GB for a checkpoint of 61 GB."""


@dataclass(frozen=True)
class AvailableMemory:
    """What the box can give to a model.

    Args:
        available_bytes: free now; of several devices, on the one that has least. None: it is not known.
        reserve_bytes: of that, what the system and a desktop need to stay alive.
        where: which memory.
        why: it is not known.
    """

    available_bytes: int | None
    reserve_bytes: int
    where: str
    why: str = ""


@dataclass(frozen=True)
class Risk:
    """Something that may need memory on top of the plan, for a moment or for good."""

    name: str
    total_bytes: int
    """The plan's total if it happens."""
    fits: bool | None
    text: str


@dataclass(frozen=True)
class MemoryPlan:
    """In bytes. `fits` is None where the box was not looked at, or where something that is kept is not known.

    With an unknown part `kv_bytes`, `state_bytes` and `total_bytes` are those of the known part: at least so much.
    """

    weights_bytes: int
    kv_bytes: int
    state_bytes: int
    allowance_bytes: int
    total_bytes: int
    available_bytes: int | None
    reserve_bytes: int | None
    where: str | None
    fits: bool | None
    short_bytes: int | None
    """What is missing; 0 when it fits."""
    text: str
    risks: tuple[Risk, ...]
    share: DeviceShare | None = None
    """Of each device, where several hold the model: what is held against what the smallest of them has."""


def room(
    memory: Memory, accelerators: tuple[Accelerator, ...], desktop: bool | None, *, devices: int = 1
) -> AvailableMemory:
    """What this box can give: a discrete GPU's own free memory where there is one, else the host's.

    Memory of several GPUs is no one pool: a model is divided evenly, so the one with least binds.

    Args:
        accelerators: those that the engine may use, in the order in which it takes them.
        devices: how many of them it takes.
    """
    if accelerators and unified(accelerators) is False:
        used = accelerators[:devices]
        if split := [each for each in used if each.mig]:
            why = f"GPU {split[0].index} is split by MIG: what an instance of it may hold is not known"
            return AvailableMemory(None, 0, named(used), why)
        least = min(used, key=lambda each: -1 if each.memory_free_bytes is None else each.memory_free_bytes)
        if least.memory_free_bytes is not None:
            name = least.name or f"GPU {least.index}"
            where = name if len(used) == 1 else f"GPU {least.index}, which has least of {named(used)}"
            return AvailableMemory(least.memory_free_bytes, 0, where)
        if devices > 1:
            return AvailableMemory(None, 0, named(used), f"GPU {least.index} does not report its free memory")
    where = "unified memory" if memory.unified else "host memory"
    return AvailableMemory(
        memory.available_bytes, reserve_bytes(memory.total_bytes, desktop, unified=memory.unified), where
    )


def memory_plan(
    facts: Facts,
    weighed: Resident,
    *,
    context: int,
    concurrency: int,
    kv_dtype: str,
    place: AvailableMemory | None,
    devices: int = 1,
) -> MemoryPlan:
    """Add up what serving takes.

    Args:
        context: tokens kept for each sequence.
        concurrency: sequences at once.
        place: what the box can give; None when the question is not about a box.
        devices: that hold the model together, each a share of every layer.
    """
    kept = round(weighed.weights_bytes)
    kv = round(facts.cache.kept_bytes(context, kv_dtype) * concurrency)
    recurrent = facts.cache.state_bytes * concurrency
    allowance = ALLOWANCE_BYTES[facts.format] * devices
    total = kept + kv + recurrent + allowance
    usable = None
    if place is not None and place.available_bytes is not None:
        usable = place.available_bytes - place.reserve_bytes
    unknown = facts.cache.unknown
    if devices > 1:
        share = device_share(
            facts,
            weighed,
            context=context,
            concurrency=concurrency,
            kv_dtype=kv_dtype,
            allowance=allowance // devices,
            devices=devices,
        )
        short, text = _divided(share, usable, unknown)
    else:
        share = None
        short = None if usable is None else max(0, total - usable)
        text = _text(kept, kv, recurrent, allowance, usable, unknown)
    if place is not None and place.why:
        text = f"{place.why}: whether it fits is not known"
    if unknown and short == 0:
        short = None
    return MemoryPlan(
        weights_bytes=kept,
        kv_bytes=kv,
        state_bytes=recurrent,
        allowance_bytes=allowance,
        total_bytes=total,
        available_bytes=place.available_bytes if place else None,
        reserve_bytes=place.reserve_bytes if place else None,
        where=place.where if place else None,
        fits=None if short is None else short == 0,
        short_bytes=short,
        text=text,
        risks=_risks(facts, kept // devices, share.total_bytes if share else total, usable),
        share=share,
    )


def _divided(share: DeviceShare, usable: int | None, unknown: tuple[str, ...]) -> tuple[int | None, str]:
    """(bytes short on the device that has least, in words); None: not known."""
    each = f"each of {share.devices} devices holds {gib(share.total_bytes)} at most"
    if usable is None:
        return None, f"{each}; not compared with a box"
    if share.least_bytes > usable:
        short = share.least_bytes - usable
        return short, f"each of {share.devices} devices lacks {gib(short)}, at least the one that has least"
    if unknown:
        return 0, f"{each} of what is known; whether it fits is not known: {unknown[0]}"
    if share.total_bytes > usable:
        return None, f"{each}, {gib(share.least_bytes)} at least: how far the cache is divided decides"
    return 0, f"fits: {each}, with {gib(usable - share.total_bytes)} to spare where there is least"


def _text(kept: int, kv: int, state: int, allowance: int, usable: int | None, unknown: tuple[str, ...]) -> str:
    """Which part is the first that does not fit, in the order in which an engine takes them."""
    if unknown and (usable is None or kept + kv + state + allowance <= usable):
        return f"at least {gib(kept + kv + state + allowance)}; whether it fits is not known: {unknown[0]}"
    if usable is None:
        return "not compared with a box"
    needed = 0
    for name, part in (("the weights", kept), ("the KV cache", kv + state), ("activations and graphs", allowance)):
        if needed + part > usable:
            left = max(0, usable - needed)
            return f"{name} ({gib(part)}) do not fit in the {gib(left)} that are left for them"
        needed += part
    return f"fits, with {gib(usable - needed)} to spare"


def _risks(facts: Facts, kept: int, total: int, usable: int | None) -> tuple[Risk, ...]:
    if facts.format == "gguf":
        return ()

    def risk(name: str, bytes_then: int, text: str) -> Risk:
        return Risk(name, bytes_then, None if usable is None else bytes_then <= usable, text)

    found = [
        risk(
            "loader_double_buffer",
            2 * kept,
            "while loading, fastsafetensors holds the weights about twice; `auto` does not, but takes longer",
        )
    ]
    if any(group.part == "experts" and group.dtype == "mxfp4" for group in facts.groups):
        found.append(
            risk(
                "moe_finalize",
                round(total + kept * (FINALIZE_RATIO - 1)),
                "if the engine falls back to Marlin for the MoE, repacking held 118 GB instead of 61 (observed once); "
                "its utilisation setting does not cap that",
            )
        )
    return tuple(found)
