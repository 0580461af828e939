"""What the guard saw, in words: who held the memory, in which phase, and what to change."""

from pathlib import Path

from onbox.errors import GuardStop
from onbox.evidence.records import GuardStopped
from onbox.recipes.schema import Recipe
from onbox.watch.formatting import gib

COMMAND_CHARS = 60

VLLM = {
    "load": "load-format: auto, where fastsafetensors holds the weights about twice while it loads",
    "finalize": "another moe-backend: repacking for a fallback's kernels takes memory that no setting caps",
    "compile": "enforce-eager: true",
    "tune": "enforce-eager: true",
    "capture": "enforce-eager: true, or fewer capture sizes",
    "kv": "kv-cache-memory-bytes, which pins the cache, where gpu-memory-utilization is no cap",
}
VLLM_ELSE = "a smaller kv-cache-memory-bytes, or a shorter context"
LLAMA = "a shorter context, cache-type-k: q8_0, or a smaller quantisation"


def guard_stop(recipe: Recipe, seen: GuardStopped, path: Path) -> GuardStop:
    """The one line of an error, with what to change.

    Args:
        recipe: by which it was served.
        seen: the guard's record.
        path: where that lies.
    """
    reserve = seen.limits.reserve_bytes
    fell = f" and falling {seen.fall_bytes_s / 2**30:.2f} GiB/s" if seen.fall_bytes_s else ""
    return GuardStop(
        f"{recipe.name}: stopped by the guard in phase {seen.phase}: {gib(seen.available_bytes)} available{fell}, "
        f"reserve {gib(reserve)}; {_who(seen)}",
        f"{advice(recipe, seen)}. What it saw: {path}",
    )


def advice(recipe: Recipe, seen: GuardStopped) -> str:
    """What to change, by engine and phase; when others took the memory, nothing of the recipe."""
    if not seen.ours and seen.own_bytes is not None:
        return "free memory: it was not the engine that grew"
    if recipe.engine == "vllm":
        return VLLM.get(seen.phase, VLLM_ELSE)
    return LLAMA


def _who(seen: GuardStopped) -> str:
    """Who held most, as far as it was seen."""
    if seen.own_bytes is None:
        return "what the engine held could not be seen"
    planned = "" if seen.limits.plan_bytes is None else f" of {gib(seen.limits.plan_bytes)} planned"
    held = f"the engine held {gib(seen.own_bytes)}{planned}"
    others = [holder for holder in seen.holders if not holder.ours]
    if seen.ours or not others:
        return held
    largest = max(others, key=lambda holder: holder.bytes)
    return f"{held}; of others process {largest.pid} ({largest.command[:COMMAND_CHARS]}) holds {gib(largest.bytes)}"
