"""The part of a frozen recipe that verdicts rest on, typed: what serves which weights, and what it asserts.

A plan keeps the whole recipe as it was read (`ContenderPlan.recipe`), also one of an onbox of another age; what nobody
judges by is not looked at.
"""

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


class ServedRecipe(_Part):
    """One contender's recipe, as far as it is judged by."""

    name: str = ""
    model: str | None = None
    weights: ServedWeights | None = None
    expect: Expectations = Expectations()

    @property
    def model_names(self) -> tuple[str, ...]:
        """What the recipe calls its model, in requests, in files and on the hub."""
        found = [self.name, self.model]
        if self.weights:
            found += [self.weights.path, self.weights.file]
            for source in (self.weights.hub, self.weights.repository):
                found += [source.repo, source.file] if source else []
        return tuple(dict.fromkeys(name for name in found if name))


def served_recipe(contender: ContenderPlan) -> ServedRecipe:
    """The recipe that a contender of a plan was served by."""
    return ServedRecipe.model_validate(contender.recipe)
