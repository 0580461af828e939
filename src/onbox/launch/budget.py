"""What an engine will hold, by its recipe: the plan that guard and preflight hold against the reserve.

vLLM takes what it is told to take, not what the model needs: a share of all memory, unless the KV cache is pinned. So
what a healthy server leaves free follows from its own setting, and a reserve above that would stop it for being well.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from onbox.box.describe import reserve_bytes, unified
from onbox.box.gpus import Accelerator, accelerators
from onbox.box.memory import Memory, memory
from onbox.box.pressure import desktop_session
from onbox.engines.log_lines import numbers
from onbox.errors import OnboxError
from onbox.fetch.named import named_memory
from onbox.recipes.schema import Recipe
from onbox.watch.formatting import gib

VLLM_UTILISATION = 0.92
"""vLLM's default share of memory (0.33, source)."""
UTILISATION_READ = ((0, 26), (0, 33))
"""Versions of vLLM whose check at the start was read."""
VLLM_ALLOWANCE_BYTES = 4 << 30
"""For activations, graphs and the engine itself (see `onbox.fit.memory_plan`)."""


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

    @property
    def short_bytes(self) -> int:
        """How far the reserve would be breached; 0 or less when it would not."""
        return self.reserve_bytes - (self.memory.available_bytes - (self.plan_bytes or 0))

    @property
    def unified(self) -> bool:
        """Whether an accelerator takes its memory from the host's."""
        return unified(self.devices) is True

    def told(self) -> str:
        """The numbers as a sentence."""
        needs = "what it will hold is not known" if self.plan_bytes is None else f"it will hold {gib(self.plan_bytes)}"
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
        return Budget(here, reserve, None, "a GPU with memory of its own holds it", devices)
    plan, why = planned(recipe, weights, here.total_bytes, on_cpu=not devices)
    return Budget(here, reserve, plan, why, devices)


def planned(recipe: Recipe, weights: Path | None, total_bytes: int, *, on_cpu: bool) -> tuple[int | None, str]:
    """(bytes, what they are made of) that the engine holds when it serves; None where nobody can say.

    Args:
        total_bytes: of the memory that the engine takes its share of.
        on_cpu: no accelerator is used.
    """
    if recipe.engine != "vllm":
        return _by_headers(recipe, weights)
    pinned = kv_cache_bytes(recipe, on_cpu=on_cpu)
    held = weights_bytes(recipe, weights)
    least = None if held is None else held + VLLM_ALLOWANCE_BYTES
    if pinned is not None:
        made_of = "the weights are not here yet" if held is None else f"{gib(held)} weights, 4 GiB allowance"
        return None if least is None else least + pinned, f"{gib(pinned)} KV cache as pinned, {made_of}"
    told = recipe.serve.arguments.get("gpu-memory-utilization", VLLM_UTILISATION)
    share = float(str(told)) if re.fullmatch(r"\d*\.?\d+", str(told)) else 1.0
    taken = round(share * total_bytes)
    if least is not None and least > taken:
        return least, f"{gib(held or 0)} weights, 4 GiB allowance; more than gpu-memory-utilization {share:g} allows"
    return taken, f"gpu-memory-utilization {share:g} of {gib(total_bytes)}"


def utilisation(recipe: Recipe, total_bytes: int) -> tuple[float, int] | None:
    """(share, bytes) that vLLM is told it may take of all memory; None where the cache is not pinned beside it."""
    if recipe.engine != "vllm" or "kv-cache-memory-bytes" not in recipe.serve.arguments:
        return None
    told = str(recipe.serve.arguments.get("gpu-memory-utilization", VLLM_UTILISATION))
    share = float(told) if re.fullmatch(r"\d*\.?\d+", told) else 1.0
    return share, round(share * total_bytes)


def utilisation_is_checked_first(version: str | None) -> bool | None:
    """Whether this vLLM refuses to start on a GPU whose free memory is below its share, although the cache is pinned.

    Source of 0.26 to 0.33 (`vllm/v1/worker/gpu_worker.py`): `request_memory` comes first, whatever is pinned; on the
    processor a pin goes before. Of other versions nobody here has looked: None.
    """
    at = numbers(version or "")[:2]
    return True if UTILISATION_READ[0] <= at <= UTILISATION_READ[1] else None


def kv_cache_bytes(recipe: Recipe, *, on_cpu: bool) -> int | None:
    """What the recipe pins vLLM's KV cache to; None when it leaves that to the share of memory."""
    told = recipe.serve.arguments.get("kv-cache-memory-bytes")
    if told is not None:
        return _human(str(told))
    space = recipe.serve.environment.get("VLLM_CPU_KVCACHE_SPACE")
    return round(float(space) * 2**30) if on_cpu and space and re.fullmatch(r"[\d.]+", space) else None


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
    """What it holds on top while it loads: fastsafetensors holds the weights about twice."""
    if recipe.serve.arguments.get("load-format") != "fastsafetensors":
        return 0
    return weights_bytes(recipe, weights) or 0


def _by_headers(recipe: Recipe, weights: Path | None) -> tuple[int | None, str]:
    """Weights, cache and allowance, as the headers say."""
    from onbox.fit.memory_plan import memory_plan
    from onbox.fit.resident import resident
    from onbox.weights.read import read

    if weights is None:
        return None, "the weights are not here yet"
    try:
        facts = read(weights)
        context = recipe.serve.context_tokens or facts.context_length
        if context is None:
            return None, "the headers do not tell the longest context"
        slots = recipe.serve.sequences or 1
        plan = memory_plan(facts, resident(facts), context=context, concurrency=slots, kv_dtype="f16", place=None)
    except (OnboxError, OSError, ValueError):
        return None, "the headers do not tell"
    others, names = named_memory(recipe)
    if others is None:
        return None, f"not here yet: {names}"
    if facts.cache.unknown:
        return None, f"what the cache holds is not known: {facts.cache.unknown[0]}"
    times = f"{slots} times " if slots > 1 else ""
    beside = f", {names}" if names else ""
    return plan.total_bytes + others, f"weights, KV cache of {times}{context} tokens, allowance{beside}"


def _human(text: str) -> int | None:
    """A number of bytes as vLLM takes it: `8589934592`, `8G` (binary), `8.5g` (decimal)."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmgtKMGT]?)", text)
    if match is None:
        return None
    power = "kmgt".index(match[2].lower()) + 1 if match[2] else 0
    return round(float(match[1]) * float((1024 if match[2].isupper() else 1000) ** power))
