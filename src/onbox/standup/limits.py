"""What the guard of an engine holds it to, worked out before anything starts: the reserve, and the plan."""

from pathlib import Path

from onbox.box.describe import reserve_bytes, unified
from onbox.box.memory import memory
from onbox.box.nvml import accelerators
from onbox.box.pressure import desktop_session
from onbox.errors import BoxError, OnboxError
from onbox.recipes.schema import Recipe
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
    devices = accelerators().devices
    shared = unified(devices) is True
    here = memory(unified=shared)
    if reserve is None:
        reserve = reserve_bytes(here.total_bytes, desktop_session(), unified=shared)
    # What a discrete GPU holds is not the host's: of the host's memory nothing is planned then.
    plan = None if devices and not shared else plan_bytes(recipe, weights)
    _refuse(recipe, here.available_bytes, reserve, plan)
    horizon_s = CONTAINER_HORIZON_S if container else PROCESS_HORIZON_S
    return Limits(reserve_bytes=reserve, plan_bytes=plan, horizon_s=horizon_s, unified=shared)


def plan_bytes(recipe: Recipe, weights: Path | None) -> int | None:
    """What serving will hold: weights, cache, and an allowance; None where the headers do not tell."""
    from onbox.fit.memory_plan import memory_plan
    from onbox.fit.resident import resident
    from onbox.weights.read import read

    if weights is None:
        return None
    try:
        facts = read(weights)
        context = recipe.serve.context_tokens or facts.context_length
        if context is None:
            return None
        return memory_plan(
            facts, resident(facts), context=context, concurrency=1, kv_dtype="f16", place=None
        ).total_bytes
    except (OnboxError, OSError, ValueError):
        return None


def _refuse(recipe: Recipe, available: int, reserve: int, plan: int | None) -> None:
    """Say before the start what the guard would have to do after it."""
    short = reserve - (available - (plan or 0))
    if short <= 0:
        return
    needs = "its memory is not known" if plan is None else f"it needs about {_gib(plan)}"
    raise BoxError(
        f"{recipe.name}: {needs}; of {_gib(available)} available {_gib(reserve)} must stay so (the reserve): "
        f"{_gib(short)} short",
        "free memory, serve a shorter context or a smaller model, or set a smaller reserve",
    )


def _gib(count: int) -> str:
    return f"{count / 2**30:.2f} GiB"
