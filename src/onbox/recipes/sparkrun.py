"""sparkrun's recipes, version 2: read as recipes of onbox, and written from them.

A sparkrun recipe holds a template of a shell command. It is read as one program with options; each option becomes the
field of onbox that means it, or an argument. The file itself is kept in `Recipe.sparkrun`, so that what onbox has no
field for is there again on export. What sparkrun has no key for goes into `metadata.onbox`, which sparkrun ignores.
"""

import copy
import shlex
from collections.abc import Mapping
from typing import Any

from onbox.errors import UsageError
from onbox.recipes.container import Container
from onbox.recipes.names import slug
from onbox.recipes.schema import Recipe
from onbox.recipes.sparkrun_command import filled, options_of, program_of
from onbox.recipes.text import write_yaml
from onbox.recipes.weights import Repository

VERSION = "2"
RUNTIMES = ("vllm", "sglang")
"""sparkrun's runtimes that onbox has an engine for, of the same name."""

# fmt: off
KEYS = frozenset(
    {
        "sparkrun_version", "recipe_version", "min_sparkrun_version", "name", "description", "model",
        "model_revision", "runtime", "runtime_version", "mode", "min_nodes", "max_nodes", "container",
        "containers", "defaults", "env", "command", "runtime_config", "cluster_only", "solo_only", "benchmark",
        "metadata", "pre_exec", "post_exec", "post_commands", "mods", "stop_after_post", "builder",
        "builder_config", "executor", "executor_config", "scheduler", "distribution_config", "layout",
        "cluster_config", "runtime_cache", "readiness", "capabilities", "unsupported_capabilities", "include",
        "overrides",
    }
)
# fmt: on
"""What sparkrun 0.4.2 knows at the top of a file (source)."""
# fmt: off
USED = frozenset(
    {
        "recipe_version", "name", "model", "model_revision", "runtime", "container", "defaults", "env",
        "command", "metadata",
    }
)
# fmt: on
"""What onbox has fields for."""
# fmt: off
HARMLESS = frozenset(
    {
        "max_nodes", "sparkrun_version", "min_sparkrun_version", "solo_only", "description", "benchmark",
    }
)
# fmt: on
"""What does not change how one box serves."""
OWN = "onbox"
"""The key below `metadata` for what sparkrun has no key for."""
OWN_FIELDS = {"engine_version", "vision", "expect", "warm_up", "sampling"}
CONTAINER = {"gpus": "all", "ipc": "host"}
"""What sparkrun gives every container: all GPUs, and the memory that its workers share."""


def is_sparkrun(data: Any) -> bool:
    """Whether parsed YAML is a sparkrun recipe of version 2."""
    return isinstance(data, dict) and str(data.get("recipe_version")) == VERSION and "runtime" in data


def from_sparkrun(data: dict[str, Any], *, where: str, stem: str) -> dict[str, Any]:
    """The fields of a recipe of onbox that say what a sparkrun recipe says.

    Args:
        data: the parsed YAML.
        where: what to call it in errors.
        stem: a name, where the file has none.

    Raises:
        UsageError: another runtime, a placeholder that only sparkrun fills, or a command that is more than a program.
    """
    runtime = str(data.get("runtime"))
    if runtime not in RUNTIMES:
        raise UsageError(f"{where}: runtime: {runtime}: onbox has no such engine", f"one of {', '.join(RUNTIMES)}")
    if not isinstance(data.get("model"), str):
        raise UsageError(f"{where}: model: is missing")
    own = dict(_mapping(_mapping(data, "metadata", where), OWN, where))
    own_container, own_serve, own_repository = (own.pop(key, {}) for key in ("container", "serve", "repository"))
    if strange := sorted(set(own) - OWN_FIELDS - {"launcher"}):
        raise UsageError(f"{where}: metadata.{OWN}: {strange[0]}: no such field here")
    values = {**_mapping(data, "defaults", where), "model": data["model"], "model_revision": data.get("model_revision")}
    found = {option.name: filled(option.value, values, where) for option in options_of(data, runtime, where)}
    arguments = {name: value for name, value in found.items() if name not in ("host", "port")}
    serve: dict[str, Any] = {
        "context_tokens": _taken(arguments, "max-model-len", "context-length"),
        "port": found.get("port"),
        "environment": {key: str(filled(value, values, where)) for key, value in _mapping(data, "env", where).items()},
    }
    tools = {"reasoning_parser": _taken(arguments, "reasoning-parser") or ""}
    if runtime == "sglang" or "enable-auto-tool-choice" in arguments:
        tools["call_parser"] = _taken(arguments, "tool-call-parser") or ""
        if runtime == "vllm":
            _taken(arguments, "enable-auto-tool-choice")
    fields: dict[str, Any] = {
        **own,
        "name": data.get("name") or slug(stem),
        "description": str(_mapping(data, "metadata", where).get("description", "")).strip(),
        "engine": runtime,
        "model": _taken(arguments, "served-model-name") or data["model"],
        "weights": {
            "repository": {"repo": data["model"], "revision": data.get("model_revision") or "", **own_repository}
        },
        "tools": tools,
        "serve": {**serve, **own_serve, "arguments": arguments},
        "sparkrun": data,
    }
    if data.get("container"):
        image, _, digest = str(data["container"]).partition("@")
        if "build" in own_container:
            image = image.rpartition(":")[0]
        container = {**CONTAINER, **dict(own_container), "image": image, "digest": digest}
        fields |= {"launcher": own.get("launcher", "docker"), "container": container}
    return fields


def notes(recipe: Recipe) -> list[str]:
    """What of a sparkrun file has no effect here, in sentences; empty for other recipes."""
    data = recipe.sparkrun
    if not data:
        return []
    unknown = sorted(set(data) - KEYS)
    idle = sorted(set(data) & (KEYS - USED - HARMLESS))
    found = [f"{key}: not a key of sparkrun 0.4.2; kept for export" for key in unknown]
    found += [f"{key}: kept for export, without effect here" for key in idle]
    if _mapping(data, "defaults", "defaults").get("host") not in (None, "127.0.0.1"):
        found.append("host: onbox serves on 127.0.0.1 only")
    return found


def nodes(recipe: Recipe) -> int:
    """How many boxes the recipe needs at least."""
    told = recipe.sparkrun.get("min_nodes", 1)
    return told if isinstance(told, int) else 1


def to_sparkrun(recipe: Recipe) -> dict[str, Any]:
    """A sparkrun recipe that says what this one says.

    Raises:
        UsageError: sparkrun has no such engine, or the weights are no repository of the hub.
    """
    if recipe.engine not in RUNTIMES:
        raise UsageError(f"{recipe.name}: engine {recipe.engine}: sparkrun has no such runtime")
    if recipe.weights is None or recipe.weights.repository is None:
        raise UsageError(f"{recipe.name}: weights: sparkrun wants a repository of the hub", "set weights.repository")
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
    written = {each.name: each for each in options_of(recipe.sparkrun, recipe.engine, recipe.name)}
    options = _options(recipe, source.repo)
    if recipe.sparkrun:
        # sparkrun has its own host and port for a file that names none.
        silent = {"host"} if recipe.serve.port else {"host", "port"}
        options = {name: value for name, value in options.items() if name in written or name not in silent}
    defaults = dict(data.pop("defaults", None) or {})
    words = [program_of(recipe.sparkrun, recipe.engine)]
    for name in [*(each for each in written if each in options), *(each for each in options if each not in written)]:
        placeholder = written[name].placeholder if name in written else _default_name(name)
        words.append(_word(name, options[name], placeholder, defaults))
    data["defaults"] = defaults
    _put(data, "env", _environment(recipe))
    if not recipe.sparkrun or "command" in recipe.sparkrun:
        data["command"] = " \\\n  ".join(words) + "\n"
    return data


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


def _environment(recipe: Recipe) -> dict[str, str]:
    """The template's own text where it still says the same."""
    data = recipe.sparkrun
    written = data.get("env") or {}
    values = {**(data.get("defaults") or {}), "model": data.get("model"), "model_revision": data.get("model_revision")}
    return {
        key: written[key] if key in written and str(filled(written[key], values, recipe.name)) == value else value
        for key, value in recipe.serve.environment.items()
    }


def _text(written: Any, ours: str) -> Any:
    """What was written, if it is our text but for white space at its ends."""
    return written if isinstance(written, str) and written.strip() == ours else ours


def _put(data: dict[str, Any], key: str, value: Any) -> None:
    if value:
        data[key] = value
    else:
        data.pop(key, None)


def _taken(arguments: dict[str, Any], *names: str) -> Any:
    """The value of the first of these options that is there; all are taken out."""
    values = [arguments.pop(name) for name in names if name in arguments]
    return values[0] if values else None


def _mapping(data: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    value = data.get(key) or {}
    if not isinstance(value, dict):
        raise UsageError(f"{where}: {key}: not a mapping")
    return value
