"""The part of a frozen recipe that verdicts rest on, typed: what serves which weights, and what it asserts.

A plan keeps the whole recipe as it was read (`ContenderPlan.recipe`), also one of an onbox of another age; what nobody
judges by is not looked at.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from onbox.evidence.records import ContenderPlan

TOLERANCE = 0.1
"""Of the loaded bytes, where the recipe gives none."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, from_attributes=True)


class Expectations(_Part):
    """What must come true at the start of an engine."""

    backends: dict[str, str] = {}
    """Part -> regular expression for the name of its backend."""
    loaded_bytes: int | None = None
    tolerance: float = TOLERANCE


class Source(_Part):
    """A repository of the hub, or a file in one."""

    repo: str = ""
    file: str = ""


class ServedWeights(_Part):
    """Where the weights came from."""

    path: str | None = None
    file: str = ""
    hub: Source | None = None
    repository: Source | None = None


class ServeOptions(_Part):
    """How the engine was told to serve."""

    arguments: dict[str, Any] = {}


class ServedRecipe(_Part):
    """One contender's recipe, as far as it is judged by."""

    name: str = ""
    model: str | None = None
    weights: ServedWeights | None = None
    random_weights: bool = False
    serve: ServeOptions = ServeOptions()
    expect: Expectations = Expectations()

    @property
    def without_sense(self) -> bool:
        """Whether the weights are random on purpose, so that nothing but a rate of the kernels can be measured."""
        return self.random_weights or dummy_weights(self.serve.arguments)

    @property
    def model_names(self) -> tuple[str, ...]:
        """What the recipe calls its model, in requests, in files and on the hub."""
        found = [self.name, self.model]
        if self.weights:
            found += [self.weights.path, self.weights.file]
            for source in (self.weights.hub, self.weights.repository):
                found += [source.repo, source.file] if source else []
        return tuple(dict.fromkeys(name for name in found if name))


def dummy_weights(arguments: Mapping[str, Any]) -> bool:
    """Whether an engine's options ask for weights of the right shapes without sense (`load-format: dummy`).

    Args:
        arguments: by long names, with or without dashes before them.
    """
    named = {name.removeprefix("--").replace("_", "-"): value for name, value in arguments.items()}
    return named.get("load-format") == "dummy"


def served_recipe(contender: ContenderPlan) -> ServedRecipe:
    """The recipe that a contender of a plan was served by."""
    return ServedRecipe.model_validate(contender.recipe)
