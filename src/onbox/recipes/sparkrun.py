"""sparkrun's recipes: read as recipes of onbox, and written from them.

A sparkrun recipe holds a template of a shell command. It is filled as sparkrun fills it and read as one program with
options; each option becomes the field of onbox that means it, or an argument. The file itself is kept in
`Recipe.sparkrun`, so that what onbox has no field for is there again on export. What sparkrun has no key for goes into
`metadata.onbox`, which sparkrun ignores.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from onbox.errors import UsageError
from onbox.recipes.sparkrun_command import engine_of, options_of, usual_program, values_of
from onbox.recipes.sparkrun_render import environment_value, unfilled
from onbox.recipes.yaml_text import recipe_of
from onbox.schema.recipe import Recipe
from onbox.schema.recipe.name import slug

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
        "command", "metadata", "mods", "min_nodes", "cluster_only",
    }
)
# fmt: on
"""What onbox has fields for."""
# fmt: off
HARMLESS = frozenset(
    {
        "max_nodes", "sparkrun_version", "min_sparkrun_version", "solo_only", "description", "benchmark", "mode",
        "capabilities", "unsupported_capabilities", "readiness", "runtime_version",
    }
)
# fmt: on
"""What does not change how one box serves."""
CONTEXT = {"vllm": "max-model-len", "sglang": "context-length"}
"""Engine -> its option for the context of one sequence."""
FILE_OPTIONS = frozenset({"chat-template", "reasoning-parser-plugin", "tool-parser-plugin", "hf-config-path"})
"""Options whose value is a file."""
OWN = "onbox"
"""The key below `metadata` for what sparkrun has no key for."""
OWN_FIELDS = {"engine_version", "vision", "expect", "warm_up", "sampling"}
NOT_TAKEN = frozenset({"host", "port", "api-key"})
"""Options that are onbox's own affair: it serves on loopback, and asks nobody for a key there."""
ONBOX_ONLY = frozenset({"engine", "weights", "serve", "url", "launcher", "tools", "vision", "expect", "warm_up"})
"""Fields of onbox's recipes that sparkrun's have not."""
CONTAINER = {"gpus": "all", "ipc": "host"}
"""What sparkrun gives every container: all GPUs, and the memory that its workers share."""


_KNOWN_BY = frozenset({"command", "defaults", "container"})
_SERVED = re.compile(r"^\s*vllm\s+serve\s+(?:\\\n\s*)?([A-Za-z0-9._-]+/[A-Za-z0-9._-]+)(?=\s|$)")
"""The model that a command of spark-vllm-docker names, whose recipes need no `model`."""


def is_sparkrun(data: Any) -> bool:
    """Whether parsed YAML is a sparkrun recipe of any version, or one of spark-vllm-docker, which are version 1.

    A recipe of onbox names an engine; what has none, and no field that onbox alone has, is sparkrun's when it names a
    runtime, or a model with a command or defaults.
    """
    if not isinstance(data, dict) or ONBOX_ONLY & set(data):
        return False
    first_version = str(data.get("recipe_version")) == "1" and "command" in data
    return "runtime" in data or first_version or ("model" in data and bool(_KNOWN_BY & set(data)))


def from_sparkrun(data: dict[str, Any], *, where: str, stem: str) -> Recipe:
    """The recipe of onbox that says what a sparkrun recipe says.

    Args:
        data: the parsed YAML.
        where: what to call it in errors.
        stem: a name, where the file has none.

    Raises:
        UsageError: another runtime, a placeholder that only sparkrun fills, a command that is more than a program, or a
            field that onbox refuses.
    """
    if not data.get("model") and (named := _SERVED.match(str(data.get("command") or ""))):
        data = {**data, "model": named[1]}
    _checked(data, where)
    runtime = engine_of(data)
    if runtime not in RUNTIMES:
        raise UsageError(f"{where}: runtime: {runtime}: onbox has no such engine", f"one of {', '.join(RUNTIMES)}")
    own = dict(_mapping(_mapping(data, "metadata", where), OWN, where))
    own_container, own_serve, own_repository = (own.pop(key, {}) for key in ("container", "serve", "repository"))
    if strange := sorted(set(own) - OWN_FIELDS - {"launcher"}):
        raise UsageError(f"{where}: metadata.{OWN}: {strange[0]}: no such field here")
    program, options = options_of(data, runtime, where)
    found = {option.name: option.value for option in options}
    for name, value in found.items():
        if names := [each for word in _texts(value) for each in unfilled(word)]:
            raise UsageError(f"{where}: {name}: {{{names[0]}}}: a placeholder without a value", "write its value")
    arguments = {name: value for name, value in found.items() if name not in NOT_TAKEN}
    if runtime == "sglang" and arguments.get("enable-metrics") is True:
        del arguments["enable-metrics"]  # onbox asks for them anyway
    revision = _taken(arguments, "revision") or data.get("model_revision") or ""
    serve: dict[str, Any] = {
        "context_tokens": _context(arguments, CONTEXT[runtime]),
        "port": found.get("port"),
        "environment": _environment_of(data, where),
        "executable": "" if program == usual_program(runtime) else program.split()[0],
    }
    tools = {"reasoning_parser": _taken(arguments, "reasoning-parser") or ""}
    if runtime == "sglang" or arguments.get("enable-auto-tool-choice") is True:
        tools["call_parser"] = _taken(arguments, "tool-call-parser") or ""
        if runtime == "vllm" and tools["call_parser"]:
            _taken(arguments, "enable-auto-tool-choice")
    fields: dict[str, Any] = {
        **own,
        "name": slug(str(data.get("name") or stem)),
        "description": str(_mapping(data, "metadata", where).get("description", "")).strip(),
        "engine": runtime,
        "model": _served(arguments) or data["model"],
        "weights": _weights(data["model"], str(revision), own_repository),
        "tools": tools,
        "serve": {**{key: value for key, value in serve.items() if value != ""}, **own_serve, "arguments": arguments},
        "sparkrun": data,
    }
    if data.get("container"):
        image, _, digest = str(data["container"]).partition("@")
        if "build" in own_container:
            image = image.rpartition(":")[0]
        container = {**CONTAINER, **dict(own_container), "image": image, "digest": digest}
        fields |= {"launcher": own.get("launcher", "docker"), "container": container}
    return recipe_of(fields, where)


def _checked(data: dict[str, Any], where: str) -> None:
    """Shapes that sparkrun refuses too, and layers that are not in the file."""
    if not isinstance(data.get("model"), str) or not data["model"]:
        raise UsageError(f"{where}: model: is missing")
    if data.get("command") is not None and not isinstance(data["command"], str):
        raise UsageError(f"{where}: command: not a text")
    for key in ("defaults", "env", "metadata"):
        _mapping(data, key, where)
    for key in ("include", "overrides"):
        if data.get(key):
            raise UsageError(f"{where}: {key}: only sparkrun puts such layers together", "write the whole recipe")


def _environment_of(data: dict[str, Any], where: str) -> dict[str, str]:
    """`${NAME}` stays as it is: it is filled when the engine starts, and written nowhere."""
    found: dict[str, str] = {}
    for key, value in _mapping(data, "env", where).items():
        try:
            found[str(key)] = environment_value(str(value), values_of(data))
        except KeyError as error:
            problem = f"{where}: env.{key}: {error.args[0]}: a placeholder that only sparkrun fills"
            raise UsageError(problem, "write its value") from error
    return found


def _weights(model: str, revision: str, own: dict[str, Any]) -> dict[str, Any]:
    """An absolute path is one that is here; everything else is a repository of the hub."""
    return {"path": model} if model.startswith("/") else {"repository": {"repo": model, "revision": revision, **own}}


def _served(arguments: dict[str, Any]) -> str | None:
    """The name in requests; of several, vLLM answers to all, and the first is its own."""
    names = _taken(arguments, "served-model-name")
    if isinstance(names, tuple):
        arguments["served-model-name"] = names
    first = names[0] if isinstance(names, tuple) else names
    return None if first is None else str(first)


def _context(arguments: dict[str, Any], name: str) -> int | None:
    """Tokens of context; a word such as `auto` is left to the engine, and stays an argument."""
    tokens = _tokens(str(arguments.get(name, "")))
    if tokens is not None:
        del arguments[name]
    return tokens


def _tokens(text: str) -> int | None:
    """A length as vLLM takes it: `32768`, `32k` (thousands), `32K` (of 1024)."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmgKMG]?)", text)
    if match is None:
        return None
    power = "kmg".index(match[2].lower()) + 1 if match[2] else 0
    return int(float(match[1]) * (1024 if match[2].isupper() else 1000) ** power) or None


def _texts(value: Any) -> list[str]:
    return [str(each) for each in (value if isinstance(value, tuple) else (value,))]


def notes(recipe: Recipe) -> list[str]:
    """What of a sparkrun file has no effect here or looks wrong, in sentences; empty for other recipes."""
    data = recipe.sparkrun
    if not data:
        return []
    unknown = sorted(set(data) - KEYS)
    idle = sorted(set(data) & (KEYS - USED - HARMLESS))
    found = [f"{key}: not a key of sparkrun 0.4.2; kept for export" for key in unknown]
    found += [f"{key}: kept for export, without effect here" for key in idle]
    _, options = options_of(data, recipe.engine, recipe.name)
    values = {option.name: option.value for option in options}
    if values.get("host") not in (None, "127.0.0.1"):
        found.append("host: onbox serves on 127.0.0.1 only")
    if "api-key" in values:
        found.append("api-key: left out, as onbox serves on 127.0.0.1 only")
    found += [f"{option.name}: not JSON after rendering: {option.value}" for option in options if _broken(option.value)]
    return found


def _broken(value: Any) -> bool:
    """Whether a value that begins as JSON is none: braces doubled, or not doubled enough, are the usual cause."""
    if not isinstance(value, str) or not value.startswith(("{", "[")):
        return False
    try:
        json.loads(value)
    except ValueError:
        return True
    return False


def mods(recipe: Recipe) -> list[str]:
    """Changes to the container that sparkrun makes before it serves, and onbox does not."""
    listed = recipe.sparkrun.get("mods") or []
    return [str(each) for each in listed] if isinstance(listed, list) else [str(listed)]


def files_of_mods(recipe: Recipe) -> list[str]:
    """Files that the command names, relative to where the engine runs, and that nothing but a mod can bring."""
    named = [str(value) for name, value in recipe.serve.arguments.items() if name in FILE_OPTIONS]
    return [text for text in named if re.search(r"\.\w+$", text) and not text.startswith(("/", "~"))]


def nodes(recipe: Recipe) -> int:
    """How many boxes the recipe needs at least."""
    data = recipe.sparkrun
    count = data.get("min_nodes", 1)
    least = count if isinstance(count, int) else 1
    return max(least, 2) if data.get("cluster_only") else least


def _taken(arguments: dict[str, Any], *names: str) -> Any:
    """The value of the first of these options that is there; all are taken out."""
    values = [arguments.pop(name) for name in names if name in arguments]
    return values[0] if values else None


def _mapping(data: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    value = data.get(key) or {}
    if not isinstance(value, dict):
        raise UsageError(f"{where}: {key}: not a mapping")
    return value
