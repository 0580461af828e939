"""What a recipe says: how given weights are served, by which engine, with which settings."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, field_validator, model_validator

from onbox.schema.recipe.container import Container
from onbox.schema.recipe.name import slug
from onbox.schema.recipe.part import RecipePart
from onbox.schema.recipe.weights import HubSource, PartsSource, Repository, Weights

__all__ = [
    "ArgumentValue",
    "Expect",
    "HubSource",
    "PartsSource",
    "Recipe",
    "Repository",
    "Serve",
    "Tools",
    "Vision",
    "WarmUp",
    "Weights",
    "dummy_weights",
    "without_unknown_keys",
]

ArgumentName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
ArgumentValue = bool | int | float | str | tuple[int | float | str, ...]


class Serve(RecipePart):
    """How the engine serves them."""

    context_tokens: Annotated[int | None, Field(ge=1)] = 8192
    """Of one sequence. None: as much as the model can."""
    sequences: Annotated[int | None, Field(ge=1)] = None
    """That the engine must be able to serve at a time. None: one of llama.cpp and Ollama, of others as many as they
    like."""
    threads: Annotated[int | None, Field(ge=1)] = None
    """Of llama.cpp. None: as many as it may use processors."""
    chat_template: str | None = None
    """Text of a Jinja template that replaces the model's own; None keeps the model's."""
    chat_template_name: str = ""
    port: Annotated[int | None, Field(ge=1, le=65535)] = None
    """None: any free port."""
    environment: dict[str, str] = Field(default_factory=dict)
    """A value `${NAME}` is taken from onbox's own environment when the engine starts, and written nowhere."""
    executable: str = ""
    """The program; empty looks for it on PATH. A Python that has the engine installed is taken too."""
    arguments: dict[ArgumentName, ArgumentValue] = Field(default_factory=dict)
    """More options of the engine, by their long names without dashes; true stands for an option without a value, false
    leaves it out, and a list gives it several values."""


class Tools(RecipePart):
    """How calls and thoughts are read out of what the model writes."""

    call_parser: str = ""
    """vLLM, SGLang: the parser of tool calls; llama.cpp derives its own from the chat template."""
    reasoning_parser: str = ""
    """vLLM, SGLang: a parser's name; llama.cpp: none, deepseek or deepseek-legacy."""


class Vision(RecipePart):
    """Whether the model may see. Left out of a recipe: as the engine does by itself."""

    enabled: bool
    projector: Weights | None = None
    """llama.cpp: the file that turns images into tokens (mmproj)."""


class Expect(RecipePart):
    """What must come true at start; what is not named is not asserted."""

    backends: dict[Literal["moe", "attention", "flash_attention", "device"], str] = Field(default_factory=dict)
    """Part -> regular expression that the name of its backend, as the log tells it, must match in whole."""
    loaded_bytes: Annotated[int | None, Field(ge=1)] = None
    """What the weights hold when they are loaded, as the engine's log or the box tells."""
    tolerance: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of `loaded_bytes` by which it may differ."""


class WarmUp(RecipePart):
    """Requests after the first token, before anybody else is let in: kernels are compiled and tuned by them."""

    requests: Annotated[int, Field(ge=0, le=64)] = 0
    output_tokens: Annotated[int, Field(ge=1, le=4096)] = 64


class Recipe(RecipePart):
    """One way to serve one model."""

    recipe_version: Literal[1] = 1
    name: str
    """Also the name of a folder in the evidence: letters, digits, dot, dash and underscore."""
    description: str = ""
    engine: str
    engine_version: str = ""
    """The version that the recipe was written for; needed where it can not be seen before the start (a container)."""
    launcher: Literal["process", "docker", "podman"] = "process"
    container: Container | None = None
    url: str | None = None
    """For the engine `attached`: the server that runs already."""
    api_key_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$|^$")] = ""
    """The environment variable that holds the key which this server wants; the key itself is written nowhere."""
    model: str | None = None
    """The model's name in requests; None asks the server."""
    released: Annotated[str, Field(pattern=r"^(\d{4}-\d\d-\d\d)?$")] = ""
    """The day on which the model was published, as YYYY-MM-DD; empty: not known. It may have seen what is older."""
    weights: Weights | None = None
    random_weights: bool = False
    """The server makes no sense on purpose: the weights have the right shapes and no meaning. Its rate is one of the
    kernels, which is compared with nothing and not published. `load-format: dummy` says so too."""
    serve: Serve = Serve()
    tools: Tools = Tools()
    vision: Vision | None = None
    expect: Expect = Expect()
    warm_up: WarmUp = WarmUp()
    sampling: dict[str, Any] = Field(default_factory=dict)
    """Sent with each request of the agent: temperature, top_p, ... ; empty leaves the server's defaults."""
    sparkrun: dict[str, Any] = Field(default_factory=dict)
    """What a sparkrun file said that onbox has no field for; written again on export, without effect here."""

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
        if (self.launcher != "process") != (self.container is not None):
            raise ValueError("the launchers docker and podman need container, and process takes none")
        return self


def dummy_weights(arguments: Mapping[str, Any]) -> bool:
    """Whether an engine's options ask for weights of the right shapes without sense (`load-format: dummy`).

    Args:
        arguments: by long names, with or without dashes before them.
    """
    named = {name.removeprefix("--").replace("_", "-"): value for name, value in arguments.items()}
    return named.get("load-format") == "dummy"


def without_unknown_keys(fields: Any, kind: type[BaseModel] = Recipe) -> Any:
    """A recipe as it was written down, without the keys that this onbox does not know.

    For evidence: the recipe of a plan by an onbox of another age was right in its time.
    """
    if not isinstance(fields, dict):
        return fields
    parts = {name: _model_in(field.annotation) for name, field in kind.model_fields.items()}
    return {
        name: value if (part := parts[name]) is None else without_unknown_keys(value, part)
        for name, value in fields.items()
        if name in parts
    }


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The part of a recipe that a field holds by itself; None for values, lists and mappings of them."""
    kinds = [annotation, *get_args(annotation)]
    return next((each for each in kinds if isinstance(each, type) and issubclass(each, BaseModel)), None)
