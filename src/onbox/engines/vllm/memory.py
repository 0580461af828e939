"""What vLLM takes of memory: what it is told to take, not what the model needs.

A share of all memory, unless the KV cache is pinned. So what a healthy server leaves free follows from its own setting,
and a reserve above that would stop it for being well.
"""

import re
from typing import TYPE_CHECKING

from onbox.engines.base import MemoryAdvice, MemoryPlanner
from onbox.engines.log_lines import numbers
from onbox.schema.units import gib

if TYPE_CHECKING:
    from onbox.schema.recipe import Recipe

UTILISATION = 0.92
"""The default share of memory (0.33, source)."""
READ_VERSIONS = ((0, 26), (0, 33))
"""Versions whose check at the start was read."""
ALLOWANCE_BYTES = 4 << 30
"""For activations, graphs and the engine itself (see `onbox.fit.memory_plan`)."""

ADVICE = MemoryAdvice(
    before="free memory, pin the cache (kv-cache-memory-bytes), lower gpu-memory-utilization, or lower the reserve",
    otherwise="a smaller kv-cache-memory-bytes, or a shorter context",
    by_phase={
        "load": "load-format: auto, where fastsafetensors holds the weights about twice while it loads",
        "finalize": "another moe-backend: repacking for a fallback's kernels takes memory that no setting caps",
        "compile": "enforce-eager: true",
        "tune": "enforce-eager: true",
        "capture": "enforce-eager: true, or fewer capture sizes",
        "kv": "kv-cache-memory-bytes, which pins the cache, where gpu-memory-utilization is no cap",
    },
)


def planned(recipe: "Recipe", total_bytes: int, on_cpu: bool, held: int | None) -> tuple[int | None, str]:
    """See `onbox.engines.base.MemoryPlan`."""
    pinned = kv_cache_bytes(recipe, on_cpu=on_cpu)
    least = None if held is None else held + ALLOWANCE_BYTES
    if pinned is not None:
        made_of = "the weights are not downloaded yet" if held is None else f"{gib(held)} weights, 4 GiB allowance"
        return None if least is None else least + pinned, f"{gib(pinned)} KV cache as pinned, {made_of}"
    given = recipe.serve.arguments.get("gpu-memory-utilization", UTILISATION)
    share = float(str(given)) if re.fullmatch(r"\d*\.?\d+", str(given)) else 1.0
    taken = round(share * total_bytes)
    if least is not None and least > taken:
        return least, f"{gib(held or 0)} weights, 4 GiB allowance; more than gpu-memory-utilization {share:g} allows"
    return taken, f"gpu-memory-utilization {share:g} of {gib(total_bytes)}"


def utilisation(recipe: "Recipe", total_bytes: int) -> tuple[float, int] | None:
    """(share, bytes) that vLLM is told it may take of all memory; None where the cache is not pinned beside it."""
    if recipe.engine != "vllm" or "kv-cache-memory-bytes" not in recipe.serve.arguments:
        return None
    text = str(recipe.serve.arguments.get("gpu-memory-utilization", UTILISATION))
    share = float(text) if re.fullmatch(r"\d*\.?\d+", text) else 1.0
    return share, round(share * total_bytes)


def utilisation_is_checked_first(version: str | None) -> bool | None:
    """Whether this vLLM refuses to start on a GPU whose free memory is below its share, although the cache is pinned.

    Source of 0.26 to 0.33 (`vllm/v1/worker/gpu_worker.py`): `request_memory` comes first, whatever is pinned; on the
    processor a pin goes before. Of other versions nobody here has looked: None.
    """
    at = numbers(version or "")[:2]
    return True if READ_VERSIONS[0] <= at <= READ_VERSIONS[1] else None


def kv_cache_bytes(recipe: "Recipe", *, on_cpu: bool) -> int | None:
    """What the recipe pins the KV cache to; None when it leaves that to the share of memory."""
    given = recipe.serve.arguments.get("kv-cache-memory-bytes")
    if given is not None:
        return human_bytes(str(given))
    space = recipe.serve.environment.get("VLLM_CPU_KVCACHE_SPACE")
    return round(float(space) * 2**30) if on_cpu and space and re.fullmatch(r"[\d.]+", space) else None


def loads_twice(recipe: "Recipe") -> bool:
    """fastsafetensors holds the weights about twice while it loads."""
    return recipe.serve.arguments.get("load-format") == "fastsafetensors"


def human_bytes(text: str) -> int | None:
    """A number of bytes as vLLM takes it: `8589934592`, `8G` (binary), `8.5g` (decimal)."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmgtKMGT]?)", text)
    if match is None:
        return None
    power = "kmgt".index(match[2].lower()) + 1 if match[2] else 0
    return round(float(match[1]) * float((1024 if match[2].isupper() else 1000) ** power))


PLAN = MemoryPlanner(planned=planned, loads_twice=loads_twice)
