"""What the guard of an engine holds it to, worked out before anything starts: the reserve, and the plan."""

from pathlib import Path

from onbox.errors import BoxError
from onbox.recipes.schema import Recipe
from onbox.standup.budget import Budget, budget, gib
from onbox.standup.keeper.settings import Limits

PROCESS_HORIZON_S = 0.3
CONTAINER_HORIZON_S = 1.0
"""A container is killed by its daemon, which takes 0.1 to 0.5 s longer than a signal."""


def limits_of(recipe: Recipe, weights: Path | None, *, reserve: int | None = None, container: bool = False) -> Limits:
    """The limits for serving `weights` by `recipe` on this box, as it is now.

    Args:
        recipe: how it is served.
        weights: its file or folder.
        reserve: bytes that must stay available; None takes the default for this box.
        container: whether a container's daemon has to end it.

    Raises:
        BoxError: the configuration as planned would breach the reserve; the message says the numbers.
    """
    found = budget(recipe, weights, reserve=reserve)
    refuse(recipe, found)
    return Limits(
        reserve_bytes=found.reserve_bytes,
        plan_bytes=found.plan_bytes,
        horizon_s=CONTAINER_HORIZON_S if container else PROCESS_HORIZON_S,
        unified=found.unified,
    )


def refuse(recipe: Recipe, found: Budget) -> None:
    """Say before the start what the guard would have to do after it.

    Raises:
        BoxError: the healthy configuration breaches the reserve.
    """
    if found.short_bytes > 0:
        raise BoxError(f"{recipe.name}: {found.told()}: {gib(found.short_bytes)} short", advice(recipe))


def advice(recipe: Recipe) -> str:
    """What to change, by the engine's own words."""
    if recipe.engine == "vllm":
        return "free memory, pin the cache (kv-cache-memory-bytes), lower gpu-memory-utilization, or lower the reserve"
    return "free memory, serve a shorter context or a smaller model, or set a smaller reserve"
