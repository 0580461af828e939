"""Recipes of onbox as sparkrun's, version 2: the file that one was read from, where nothing has changed, else anew."""

import copy
import shlex
from typing import Any

from onbox.errors import UsageError
from onbox.recipes.sparkrun import CONTAINER, OWN, OWN_FIELDS, RUNTIMES, VERSION, from_sparkrun
from onbox.recipes.sparkrun_command import options_of, placeholders_of, usual_program
from onbox.recipes.yaml_text import write_yaml
from onbox.schema.recipe import Recipe
from onbox.schema.recipe.container import Container
from onbox.schema.recipe.weights import Repository


def to_sparkrun(recipe: Recipe) -> dict[str, Any]:
    """A sparkrun recipe that says what this one says.

    Raises:
        UsageError: sparkrun has no such engine, or the weights are no repository of the hub.
    """
    if recipe.engine not in RUNTIMES:
        raise UsageError(f"{recipe.name}: engine {recipe.engine}: sparkrun has no such runtime")
    if recipe.weights is None or recipe.weights.repository is None:
        raise UsageError(f"{recipe.name}: weights: sparkrun wants a repository of the hub", "set weights.repository")
    if _unchanged(recipe):
        return copy.deepcopy(recipe.sparkrun)
    source = recipe.weights.repository
    data: dict[str, Any] = copy.deepcopy(recipe.sparkrun) or {"recipe_version": VERSION, "name": recipe.name}
    data["model"] = source.repo
    data.setdefault("runtime", recipe.engine)
    _put(data, "model_revision", source.revision)
    _put(data, "container", _image(recipe.container) if recipe.container else "")
    metadata = dict(data.pop("metadata", None) or {})
    _put(metadata, "description", _text(metadata.get("description"), recipe.description))
    _put(metadata, OWN, _own(recipe, source))
    if metadata:
        data["metadata"] = metadata
    data["defaults"] = dict(data.pop("defaults", None) or {})
    _put(data, "env", {**recipe.serve.environment})
    data["command"] = _command(recipe, source.repo, data["defaults"])
    return data


def _unchanged(recipe: Recipe) -> bool:
    """Whether the sparkrun file that the recipe was read from still says all of it."""
    if not recipe.sparkrun:
        return False
    try:
        read = from_sparkrun(copy.deepcopy(recipe.sparkrun), where=recipe.name, stem=recipe.name)
    except UsageError:
        return False
    return read.model_copy(update={"name": recipe.name}) == recipe


def _command(recipe: Recipe, repository: str, defaults: dict[str, Any]) -> str:
    """A command that says the recipe; values that a placeholder stood for stay among the defaults."""
    program, read = options_of(recipe.sparkrun, recipe.engine, recipe.name) if recipe.sparkrun else ("", [])
    names = [each.name for each in read]
    options = _options(recipe, repository)
    if recipe.sparkrun:
        # sparkrun has its own host and port for a file that names none.
        silent = {"host"} if recipe.serve.port else {"host", "port"}
        options = {name: value for name, value in options.items() if name in names or name not in silent}
    placeholders = placeholders_of(recipe.sparkrun, recipe.engine)
    model = "--model-path {model}" if recipe.engine == "sglang" else "{model}"
    words = [f"{program or usual_program(recipe.engine)} {model}"]
    for name in [*(each for each in names if each in options), *(each for each in options if each not in names)]:
        placeholder = placeholders.get(name, "") if name in names else _default_name(name)
        words.append(_word(name, options[name], placeholder, defaults))
    return " \\\n  ".join(words) + "\n"


def written(data: dict[str, Any]) -> str:
    """A sparkrun recipe as YAML, in sparkrun's order of keys, the command as a block."""
    order = ("recipe_version", "name", "model", "model_revision", "runtime", "min_nodes", "max_nodes", "container")
    last = ("metadata", "mods", "defaults", "env", "command")
    middle = [key for key in data if key not in (*order, *last)]
    return write_yaml({key: data[key] for key in (*order, *middle, *last) if key in data})


def _options(recipe: Recipe, repository: str) -> dict[str, Any]:
    """All options of the command, by name."""
    serve, context = recipe.serve, "context-length" if recipe.engine == "sglang" else "max-model-len"
    served = recipe.model if recipe.model != repository else None
    found: dict[str, Any] = {"host": "0.0.0.0", "port": serve.port or 8000, context: serve.context_tokens}
    found |= {"served-model-name": served, "tool-call-parser": recipe.tools.call_parser or None}
    found |= {"enable-auto-tool-choice": (recipe.engine == "vllm" and bool(recipe.tools.call_parser)) or None}
    found |= {"reasoning-parser": recipe.tools.reasoning_parser or None, **serve.arguments}
    return {name: value for name, value in found.items() if value is not None and value is not False}


def _word(name: str, value: Any, placeholder: str, defaults: dict[str, Any]) -> str:
    """One option of the template; a value that a placeholder stands for goes into the defaults."""
    if value is True:
        return f"--{name}"
    if isinstance(value, tuple):
        return f"--{name} {' '.join(shlex.quote(str(each)) for each in value)}"
    if not placeholder:
        return f"--{name} {shlex.quote(str(value))}"
    if name != "host" or placeholder not in defaults:
        defaults[placeholder] = value
    quote = "'" if str(value).startswith(("{", "[")) else ""
    return f"--{name} {quote}{{{placeholder}}}{quote}"


def _default_name(name: str) -> str:
    return name.replace("-", "_").removesuffix("_size") if name.endswith("parallel-size") else name.replace("-", "_")


def _image(container: Container) -> str:
    """With tag and digest where both are told, so that both are there again."""
    return f"{container.image}@{container.digest}" if container.digest else container.reference


def _own(recipe: Recipe, source: Repository) -> dict[str, Any]:
    """What sparkrun has no key for."""
    found = recipe.model_dump(mode="json", exclude_defaults=True, include=OWN_FIELDS)
    serve = recipe.serve.model_dump(
        exclude_defaults=True, include={"threads", "executable", "chat_template", "chat_template_name"}
    )
    if recipe.sparkrun:
        serve.pop("executable", None)  # the command begins with it
    repository = source.model_dump(exclude_defaults=True, exclude={"repo", "revision"})
    found |= {"serve": serve} if serve else {}
    found |= {"repository": repository} if repository else {}
    if recipe.container:
        dumped = recipe.container.model_dump(mode="json", exclude={"image", "digest"})
        usual = Container(image="usual", **CONTAINER).model_dump(mode="json")
        container = {key: value for key, value in dumped.items() if value != usual[key]}
        found |= {"container": container} if container else {}
    if recipe.launcher == "podman":
        found["launcher"] = "podman"
    return found


def _text(written: Any, ours: str) -> Any:
    """What was written, if it is our text but for white space at its ends."""
    return written if isinstance(written, str) and written.strip() == ours else ours


def _put(data: dict[str, Any], key: str, value: Any) -> None:
    if value:
        data[key] = value
    else:
        data.pop(key, None)
