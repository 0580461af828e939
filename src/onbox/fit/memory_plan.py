"""Where the memory goes, what a load may need on top, and whether the box can give it without starving the rest."""

from dataclasses import dataclass

from onbox.box.describe import reserve_bytes, unified
from onbox.box.gpus import Accelerator
from onbox.box.memory import Memory
from onbox.fit.resident import Resident
from onbox.weights.facts import Facts

ALLOWANCE_BYTES = {"gguf": 512 << 20, "safetensors": 4 << 30}
"""For activations, graphs and the engine itself. Our own allowance: an engine with CUDA graphs takes 2 to 4 GiB beside
weights and cache, a native server of GGUF a few hundred MiB."""
FINALIZE_RATIO = 118 / 61
"""Observed once: Marlin's MoE finalize held 118 GB for a checkpoint of 61 GB."""


@dataclass(frozen=True)
class Room:
    """What the box can give to a model.

    Args:
        available_bytes: free now.
        reserve_bytes: of that, what the system and a desktop need to stay alive.
        where: which memory.
    """

    available_bytes: int
    reserve_bytes: int
    where: str


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


def room(memory: Memory, accelerators: tuple[Accelerator, ...], desktop: bool | None) -> Room:
    """What this box can give: a discrete GPU's own free memory where there is one, else the host's."""
    first = accelerators[0] if accelerators else None
    if first is not None and unified(accelerators) is False and first.memory_free_bytes is not None:
        return Room(first.memory_free_bytes, 0, f"{first.name or 'GPU 0'}")
    where = "unified memory" if memory.unified else "host memory"
    return Room(memory.available_bytes, reserve_bytes(memory.total_bytes, desktop, unified=memory.unified), where)


def memory_plan(
    facts: Facts, weighed: Resident, *, context: int, concurrency: int, kv_dtype: str, place: Room | None
) -> MemoryPlan:
    """Add up what serving takes.

    Args:
        context: tokens kept for each sequence.
        concurrency: sequences at once.
        place: what the box can give; None when the question is not about a box.
    """
    kept = round(weighed.weights_bytes)
    kv = round(facts.cache.kept_bytes(context, kv_dtype) * concurrency)
    recurrent = facts.cache.state_bytes * concurrency
    allowance = ALLOWANCE_BYTES[facts.format]
    total = kept + kv + recurrent + allowance
    usable = None if place is None else place.available_bytes - place.reserve_bytes
    short = None if usable is None else max(0, total - usable)
    unknown = facts.cache.unknown
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
        text=_text(kept, kv, recurrent, allowance, usable, unknown),
        risks=_risks(facts, kept, total, usable),
    )


def _text(kept: int, kv: int, state: int, allowance: int, usable: int | None, unknown: tuple[str, ...]) -> str:
    """Which part is the first that does not fit, in the order in which an engine takes them."""
    if unknown and (usable is None or kept + kv + state + allowance <= usable):
        return f"at least {(kept + kv + state + allowance) / 2**30:.1f} GiB; whether it fits is not known: {unknown[0]}"
    if usable is None:
        return "not compared with a box"
    needed = 0
    for name, part in (("the weights", kept), ("the KV cache", kv + state), ("activations and graphs", allowance)):
        if needed + part > usable:
            left = max(0, usable - needed)
            return f"{name} ({part / 2**30:.1f} GiB) do not fit in the {left / 2**30:.1f} GiB that are left for them"
        needed += part
    return f"fits, with {(usable - needed) / 2**30:.1f} GiB to spare"


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
