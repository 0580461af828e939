"""A recipe as it would be launched on this box now: the command, and the doubts about it. Nothing is started."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from onbox.engines import Engine, Launch, engine_by_name
from onbox.engines.installed import for_another_box
from onbox.errors import UsageError
from onbox.fetch.pinned import where_weights
from onbox.launch.budget import budget
from onbox.launch.launch_checks import launch_checks
from onbox.launch.ports import free_port
from onbox.launch.running_engines import RunningEngine, running_engines
from onbox.recipes import Recipe
from onbox.schema.checks import Check, Status


@dataclass(frozen=True)
class ResolvedLaunch:
    """What would be started."""

    recipe: Recipe
    engine: Engine
    launch: Launch
    port: int
    weights: Path
    """Where the weights are, or will be when they are fetched."""
    running_engines: tuple[RunningEngine, ...]
    checks: tuple[Check, ...]

    @property
    def url(self) -> str:
        """Where it will serve."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that speak against a start."""
        return tuple(check for check in self.checks if check.status == Status.FAIL)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "name": self.recipe.name,
            "url": self.url,
            "command": list(self.launch.argv),
            "build": list(self.launch.build),
            "environment": self.launch.environment,
            "container": self.launch.container,
            "image": self.launch.image,
            "engine_version": self.launch.version,
            "weights": str(self.weights),
            "running_engines": [asdict(each) for each in self.running_engines],
            "checks": [asdict(each) for each in self.checks],
        }


def resolve(recipe: Recipe, *, reserve: int | None = None, elsewhere: bool = False) -> ResolvedLaunch:
    """Decide everything that can be decided before a start.

    Args:
        reserve: bytes that must stay available; None takes the default for this box.
        elsewhere: the command may be for another box: an engine that is not here is no error, and a check says so.

    Raises:
        UsageError: a recipe for a server that runs already, or one that its engine cannot do.
        BoxError: the engine is not installed.
    """
    if recipe.weights is None:
        raise UsageError(f"{recipe.name}: engine {recipe.engine}: nothing to start", "onbox speed URL")
    engine = engine_by_name(recipe.engine, recipe=recipe.name)
    weights, here = where_weights(recipe.weights)
    port = recipe.serve.port or free_port()
    with for_another_box() if elsewhere else nullcontext(()) as absent:
        launch = engine.launch(recipe, weights, port)
    running = running_engines()
    found = budget(recipe, weights if here else None, reserve=reserve)
    checks = launch_checks(recipe, launch, found, running, port)
    if absent:
        checks = (_not_here(absent), *checks)
    return ResolvedLaunch(recipe, engine, launch, port, weights, running, checks)


def _not_here(absent: Sequence[str]) -> Check:
    evidence = (
        "not on this box: not checked are its version, its options beyond the recipe's own version, and the other box's"
        " memory, port and GPU"
    )
    return Check(
        "launch.engine", Status.UNKNOWN, ", ".join(absent), None, "", evidence, "check again on the box that serves"
    )
