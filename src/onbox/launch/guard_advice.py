"""What the guard saw, in words: who held the memory, in which phase, and what to change."""

from pathlib import Path

from onbox.engines import facts_of
from onbox.errors import GuardStop
from onbox.evidence.records import GuardStopped
from onbox.schema.recipe import Recipe
from onbox.schema.units import gib

COMMAND_CHARS = 60


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
    words = facts_of(recipe.engine).memory_advice
    return words.by_phase.get(seen.phase, words.otherwise)


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
