"""What an engine will hold, by its recipe: the plan that guard and preflight hold against the reserve.

An engine that takes what it is told to take, and not what the model needs, says in its package what that is.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from onbox.box.describe import reserve_bytes, unified
from onbox.box.gpu_selection import selected
from onbox.box.gpus import Accelerator, accelerators
from onbox.box.memory import Memory, memory
from onbox.box.pressure import desktop_session
from onbox.engines import facts_of
from onbox.errors import OnboxError
from onbox.fetch.named import named_memory
from onbox.schema.recipe import Recipe
from onbox.schema.units import gib


@dataclass(frozen=True)
class GpuPlan:
    """Of one GPU, in bytes; None: not known."""

    index: int
    name: str
    free_bytes: int | None
    plan_bytes: int | None
    why: str
    """What the plan is made of."""

    @property
    def short_bytes(self) -> int:
        """How far the plan is above what is free; 0 or less where it is not, or where either is not known."""
        return 0 if None in (self.plan_bytes, self.free_bytes) else (self.plan_bytes or 0) - (self.free_bytes or 0)


@dataclass(frozen=True)
class Budget:
    """Memory of the box against the plan, in bytes."""

    memory: Memory
    reserve_bytes: int
    plan_bytes: int | None
    """None: nobody can say what it will hold."""
    why: str
    """What the plan is made of, in words."""
    devices: tuple[Accelerator, ...] = ()
    gpus: tuple[GpuPlan, ...] = ()
    """Of each GPU that the engine will use, where they have memory of their own."""
    gpus_unknown: str = ""
    """Why it is not known which those are, or what they will hold."""
    gpus_wanted: int | None = None
    """How many the engine will use, by its options."""

    @property
    def short_bytes(self) -> int:
        """How far the reserve would be breached; 0 or less when it would not."""
        return self.reserve_bytes - (self.memory.available_bytes - (self.plan_bytes or 0))

    @property
    def unified(self) -> bool:
        """Whether an accelerator takes its memory from the host's."""
        return unified(self.devices) is True

    def as_text(self) -> str:
        """The numbers as a sentence."""
        needs = (
            "how much memory it will hold is not known"
            if self.plan_bytes is None
            else f"it will hold {gib(self.plan_bytes)}"
        )
        return (
            f"{needs} ({self.why}); {gib(self.memory.available_bytes)} are available, of which "
            f"{gib(self.reserve_bytes)} must stay free (the reserve)"
        )


def budget(recipe: Recipe, weights: Path | None, *, reserve: int | None = None) -> Budget:
    """Look at the box, and work out what serving by `recipe` will hold of it.

    Args:
        weights: the file or folder; None where it is not here yet.
        reserve: bytes that must stay available; None takes the default for this box.
    """
    devices = accelerators().devices
    shared = unified(devices) is True
    here = memory(unified=shared)
    if reserve is None:
        reserve = reserve_bytes(here.total_bytes, desktop_session(), unified=shared)
    if devices and not shared:
        # What a discrete GPU holds is not the host's: of the host's memory nothing is planned then.
        gpus, unknown, wanted = gpu_plans(recipe, weights, devices)
        why = "a GPU with its own memory holds it" if len(devices) == 1 else "GPUs with their own memory hold it"
        return Budget(here, reserve, None, why, devices, gpus, unknown, wanted)
    plan, why = planned(recipe, weights, here.total_bytes, on_cpu=not devices)
    return Budget(here, reserve, plan, why, devices)


def gpu_plans(
    recipe: Recipe, weights: Path | None, devices: tuple[Accelerator, ...]
) -> tuple[tuple[GpuPlan, ...], str, int | None]:
    """(plan of each GPU that the engine will use, why that is not known, how many it wants by its options)."""
    facts = facts_of(recipe.engine)
    use = facts.gpu_use(recipe.serve.arguments)
    if use is None:
        return (), "how this engine spreads a model over GPUs is not known", None
    inherited = {} if recipe.container else dict(os.environ)
    selection = selected(devices, {**inherited, **recipe.serve.environment})
    if selection.devices is None:
        return (), selection.why, use.total
    if split := [each for each in selection.devices[: use.total] if each.mig]:
        return (), f"GPU {split[0].index} is split by MIG: what an instance may hold is not known", use.total
    held = weights_bytes(recipe, weights)
    share = None if held is None else -(-held // use.holders)
    found = []
    for device in selection.devices[: use.total]:
        plan: int | None = share
        why = "not known" if share is None else f"{gib(share)} weights at least"
        if facts.memory_plan is not None and device.memory_total_bytes is not None:
            plan, why = facts.memory_plan.planned(recipe, device.memory_total_bytes, False, share)
        found.append(GpuPlan(device.index, device.name or "GPU", device.memory_free_bytes, plan, why))
    return tuple(found), "", use.total


def planned(recipe: Recipe, weights: Path | None, total_bytes: int, *, on_cpu: bool) -> tuple[int | None, str]:
    """(bytes, what they are made of) that the engine holds when it serves; None where nobody can say.

    Args:
        total_bytes: of the memory that the engine takes its share of.
        on_cpu: no accelerator is used.
    """
    plan = facts_of(recipe.engine).memory_plan
    if plan is None:
        return _by_headers(recipe, weights)
    return plan.planned(recipe, total_bytes, on_cpu, weights_bytes(recipe, weights))


def weights_bytes(recipe: Recipe, weights: Path | None) -> int | None:
    """What the weights hold: as the recipe expects it, as the headers say, or as large as the download; with the draft
    models and adapters that the arguments name."""
    if recipe.expect.loaded_bytes:
        return recipe.expect.loaded_bytes
    own, others = _own_bytes(recipe, weights), named_memory(recipe)[0]
    return None if own is None or others is None else own + others


def _own_bytes(recipe: Recipe, weights: Path | None) -> int | None:
    if weights is not None:
        from onbox.weights.read import read

        try:
            return int(read(weights).tensor_bytes)
        except (OnboxError, OSError, ValueError):
            return None
    source = recipe.weights.repository if recipe.weights else None
    return (source.bytes if source else recipe.weights.bytes if recipe.weights else 0) or None


def transient_bytes(recipe: Recipe, weights: Path | None) -> int:
    """What it holds on top while it loads."""
    plan = facts_of(recipe.engine).memory_plan
    if plan is None or not plan.loads_twice(recipe):
        return 0
    return weights_bytes(recipe, weights) or 0


def _by_headers(recipe: Recipe, weights: Path | None) -> tuple[int | None, str]:
    """Weights, cache and allowance, as the headers say."""
    from onbox.fit.memory_plan import memory_plan
    from onbox.fit.resident import resident
    from onbox.weights.read import read

    if weights is None:
        return None, "the weights are not downloaded yet"
    try:
        facts = read(weights)
        context = recipe.serve.context_tokens or facts.context_length
        if context is None:
            return None, "the headers do not state the longest context"
        slots = recipe.serve.sequences or 1
        plan = memory_plan(facts, resident(facts), context=context, concurrency=slots, kv_dtype="f16", place=None)
    except (OnboxError, OSError, ValueError):
        return None, "the headers do not state it"
    others, names = named_memory(recipe)
    if others is None:
        return None, f"not here yet: {names}"
    if facts.cache.unknown:
        return None, f"what the cache holds is not known: {facts.cache.unknown[0]}"
    times = f"{slots} times " if slots > 1 else ""
    named = f", {names}" if names else ""
    return plan.total_bytes + others, f"weights, KV cache of {times}{context} tokens, allowance{named}"
