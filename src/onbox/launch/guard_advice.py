"""What the guard saw, in words: who held the memory, in which phase, and what to change."""

from pathlib import Path

from onbox.engines import facts_of
from onbox.errors import GuardStop
from onbox.evidence.records import GuardStopped
from onbox.schema.recipe import Recipe
from onbox.schema.units import gib

COMMAND_CHARS = 60


def guard_stop(recipe: Recipe, stop: GuardStopped, path: Path) -> GuardStop:
    """The one line of an error, with what to change.

    Args:
        recipe: by which it was served.
        stop: the guard's record.
        path: where that lies.
    """
    reserve = stop.limits.reserve_bytes
    fell = f" and falling {gib(stop.fall_bytes_s)}/s" if stop.fall_bytes_s else ""
    return GuardStop(
        f"{recipe.name}: stopped by the guard in phase {stop.phase}: {gib(stop.available_bytes)} available{fell}, "
        f"reserve {gib(reserve)}; {_who(stop)}",
        f"{advice(recipe, stop)}. Details: {path}",
    )


def advice(recipe: Recipe, stop: GuardStopped) -> str:
    """What to change, by engine and phase; when others took the memory, nothing of the recipe."""
    if not stop.ours and stop.own_bytes is not None:
        return "free memory: the engine was not what grew"
    words = facts_of(recipe.engine).memory_advice
    return words.by_phase.get(stop.phase, words.otherwise)


def _who(stop: GuardStopped) -> str:
    """Who held most, as far as it was seen."""
    if stop.own_bytes is None:
        return "how much the engine held could not be observed"
    planned = "" if stop.limits.plan_bytes is None else f" of {gib(stop.limits.plan_bytes)} planned"
    held = f"the engine held {gib(stop.own_bytes)}{planned}"
    others = [holder for holder in stop.holders if not holder.ours]
    if stop.ours or not others:
        return held
    largest = max(others, key=lambda holder: holder.bytes)
    return f"{held}; of others process {largest.pid} ({largest.command[:COMMAND_CHARS]}) holds {gib(largest.bytes)}"
