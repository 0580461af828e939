"""What all parts of a recipe have in common."""

from pydantic import BaseModel, ConfigDict


class RecipePart(BaseModel):
    """Base of all parts: unknown keys are errors, so that a typo does not silently fall back to a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)
