"""What the arguments of an engine name beside the weights: draft models, adapters, templates, tokenizers, plug-ins.

They are weights of the recipe too: pinned, fetched, let into the container, and counted. Options and their forms are
those of vLLM 0.33, SGLang 0.5 and llama.cpp (source).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onbox.schema.recipe import ArgumentValue, Recipe
from onbox.schema.recipe.container import Container
from onbox.schema.recipe.weights import Repository, Weights

DRAFT, ADAPTER, TEMPLATE, TOKENIZER, PLUGIN, CONFIG = (
    *("draft model", "adapter", "chat template"),
    *("tokenizer", "plug-in", "configuration"),
)
ROLES: dict[str, dict[str, str]] = {
    "vllm": {
        "speculative-config": DRAFT,
        "speculative-config.model": DRAFT,
        "lora-modules": ADAPTER,
        "chat-template": TEMPLATE,
        "tokenizer": TOKENIZER,
        "reasoning-parser-plugin": PLUGIN,
        "tool-parser-plugin": PLUGIN,
        "hf-config-path": CONFIG,
    },
    "sglang": {
        "speculative-draft-model-path": DRAFT,
        "lora-paths": ADAPTER,
        "chat-template": TEMPLATE,
        "tokenizer-path": TOKENIZER,
    },
    "llama-server": {
        "model-draft": DRAFT,
        "spec-draft-model": DRAFT,
        "lora": ADAPTER,
        "chat-template-file": TEMPLATE,
        "mmproj": PLUGIN,
    },
}
"""Engine -> option -> what it names."""
REVISIONS = {
    "speculative-config.model": "speculative-config.revision",
    "speculative-draft-model-path": "speculative-draft-model-revision",
    "tokenizer": "tokenizer-revision",
}
"""Option -> the one that pins what it names."""
IN_MEMORY = frozenset({DRAFT, ADAPTER})
"""What the engine holds beside the model."""
REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class NamedFile:
    """One thing that an argument names.

    Args:
        option: of the engine.
        role: `draft model`, `adapter`, `chat template`, `tokenizer`, `plug-in` or `configuration`.
        name: as the argument has it.
        weights: what it is; None for a path that is not here, which an image may bring.
        is_model: whether it is the recipe's own model once more.
    """

    option: str
    role: str
    name: str
    weights: Weights | None
    is_model: bool = False

    def path(self, cache: Path) -> Path:
        """Where it is, or will be when it is fetched; of what `weights` names alone."""
        assert self.weights is not None
        if self.weights.repository is not None:
            return self.weights.repository.folder(cache)
        return Path(self.weights.path or "")


def named_files(recipe: Recipe) -> tuple[NamedFile, ...]:
    """What the recipe's arguments name, in their order."""
    roles = ROLES.get(recipe.engine, {})
    found = []
    for option, value in recipe.serve.arguments.items():
        if option in roles:
            found += [_named(recipe, option, roles[option], *each) for each in _names(recipe, option, value)]
    return tuple(found)


def replaced(arguments: Mapping[str, ArgumentValue], paths: Mapping[tuple[str, str], str]) -> dict[str, ArgumentValue]:
    """The arguments with paths in place of names.

    Args:
        arguments: of the recipe.
        paths: (option, name) -> what the engine is to be told.
    """
    found = dict(arguments)
    for (option, name), path in paths.items():
        found[option] = _with_path(found[option], name, path)
        if option in REVISIONS:
            found.pop(REVISIONS[option], None)  # of a repository; a folder has none
    return found


def absolute(arguments: Mapping[str, ArgumentValue], engine: str, folder: Path) -> dict[str, ArgumentValue]:
    """The arguments with files that lie beside the recipe named in full."""
    found = dict(arguments)
    for option in ROLES.get(engine, {}):
        if option not in found:
            continue
        for name in [each for each, _ in _texts(option, found[option])]:
            path = (folder / name).expanduser() if name and "\x00" not in name and len(name) < 1024 else folder
            if not name.startswith("/") and _exists(path) and path != folder:
                found[option] = _with_path(found[option], name, str(path.resolve()))
    return found


def _named(recipe: Recipe, option: str, role: str, name: str, revision: str) -> NamedFile:
    source = recipe.weights.repository if recipe.weights else None
    if source and name == source.repo and revision in ("", source.revision):
        return NamedFile(option, role, name, recipe.weights, is_model=True)
    if name.startswith("/"):
        inside = recipe.container is not None and _in_a_mount(recipe.container, name)
        return NamedFile(option, role, name, None if inside or not _exists(Path(name)) else Weights(path=name))
    if REPOSITORY.fullmatch(name) and role in (DRAFT, ADAPTER, TOKENIZER):
        return NamedFile(option, role, name, Weights(repository=Repository(repo=name, revision=revision)))
    return NamedFile(option, role, name, None)


def _names(recipe: Recipe, option: str, value: ArgumentValue) -> Iterator[tuple[str, str]]:
    """(name, revision) of each thing that an argument names."""
    for name, revision in _texts(option, value):
        other = recipe.serve.arguments.get(REVISIONS.get(option, ""), "")
        yield name, revision or str(other)


def _texts(option: str, value: ArgumentValue) -> Iterator[tuple[str, str]]:
    if option == "speculative-config":
        content = _object(value)
        if isinstance(name := content.get("model"), str) and ("/" in name or content.get("method") != name):
            yield name, str(content.get("revision") or "")
        return
    for each in value if isinstance(value, tuple) else (value,):
        text = str(each)
        if option in ("lora-modules", "lora-paths"):
            content = _object(text)
            text = str(content.get("path") or content.get("lora_path") or text.partition("=")[2] or text)
        if option == "chat-template" and not re.fullmatch(r"[^{}\n]*[/.][^{}\n]*", text):
            continue  # the template itself, or the name of one that the engine knows
        if text and value is not True:
            yield text, ""


def _with_path(value: ArgumentValue, name: str, path: str) -> ArgumentValue:
    if isinstance(value, tuple):
        return tuple(each if isinstance(each, int | float) else str(_with_path(each, name, path)) for each in value)
    text = str(value)
    if content := _object(text):
        changed = {key: path if inner == name else inner for key, inner in content.items()}
        if content.get("model") == name:
            changed.pop("revision", None)
        return json.dumps(changed)
    if text == name:
        return path
    key, equals, inner = text.partition("=")
    return f"{key}={path}" if equals and inner == name else value


def _object(value: Any) -> dict[str, Any]:
    try:
        found = json.loads(str(value))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _in_a_mount(container: Container, name: str) -> bool:
    return any(Path(name).is_relative_to(mount.inside) for mount in container.mounts)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
