"""A recipe without the setting that keeps pictures from its model: its text, changed in these places alone.

With ruamel.yaml comments and order stay; without it they are lost, which the caller is told.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from onbox.errors import UsageError
from onbox.input_files import input_text
from onbox.recipes import builtin_names, parse
from onbox.recipes.sparkrun import is_sparkrun


@dataclass(frozen=True)
class UnhiddenRecipe:
    """The text of a recipe that lets pictures through.

    Args:
        text: YAML.
        changes: what was changed, in words.
        comments_kept: False without ruamel.yaml, where the recipe had comments.
    """

    text: str
    changes: tuple[str, ...]
    comments_kept: bool


def recipe_source(name: str) -> tuple[str, Path | None]:
    """(text, file) of a recipe as it was written; no file for one that comes with onbox.

    Raises:
        UsageError: it is no recipe's file.
    """
    if name in builtin_names():
        return (resources.files("onbox.recipes") / "builtin" / f"{name}.yaml").read_text("utf-8"), None
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{name}: --fix changes a recipe, and this is none", "give a recipe file")
    return input_text(path), path


def unhidden(text: str, arguments: Sequence[str], projector: str, where: str, folder: Path | None) -> UnhiddenRecipe:
    """The recipe without the named arguments, with `vision` where it stood in the way or a projector is to be given.

    Args:
        text: of the recipe.
        arguments: names in `serve.arguments` that keep pictures away.
        projector: a file to be given as projector; empty: none.
        where: what to call the recipe in errors.
        folder: of the recipe's file.

    Raises:
        UsageError: it is a recipe of another form, or nothing in it stands in the way.
    """
    data, dump, keeps = _loaded(text)
    if not isinstance(data, dict) or is_sparkrun(data):
        raise UsageError(
            f"{where}: --fix changes recipes of onbox, and this is sparkrun's",
            "take the option out of its command or defaults by hand",
        )
    changes = [*_without_arguments(data, set(arguments)), *_with_vision(data, projector)]
    if not changes:
        raise UsageError(f"{where}: nothing in this recipe keeps pictures away", "look at the advice of `onbox see`")
    changed = dump(data)
    parse(yaml.safe_load(changed), where=where, folder=folder)
    return UnhiddenRecipe(changed, tuple(changes), keeps or "#" not in text)


def _without_arguments(data: Any, names: set[str]) -> list[str]:
    given = (data.get("serve") or {}).get("arguments") or {}
    found = [key for key in given if str(key).replace("_", "-") in names or _stem(key) in names]
    for key in found:
        del given[key]
    if found and not given:
        del data["serve"]["arguments"]
        if not data["serve"]:
            del data["serve"]
    return [f"serve.arguments: without {key}" for key in found]


def _stem(key: Any) -> str:
    return str(key).replace("_", "-").partition(".")[0]


def _with_vision(data: Any, projector: str) -> list[str]:
    vision = data.get("vision")
    if projector:
        data["vision"] = {"enabled": True, "projector": {"path": projector}}
        return [f"vision: projector {projector}"]
    if isinstance(vision, dict) and vision.get("enabled") is False:
        del data["vision"]
        return ["without vision: enabled: false"]
    return []


def _loaded(text: str) -> tuple[Any, Any, bool]:
    """(data, what writes it, whether comments stay)."""
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError
    except ImportError:
        return yaml.safe_load(text), lambda data: yaml.safe_dump(data, sort_keys=False, allow_unicode=True), False
    editor = YAML(typ="rt")
    editor.preserve_quotes = True
    editor.width = 4096

    def dump(data: Any) -> str:
        out = io.StringIO()
        editor.dump(data, out)
        return out.getvalue()

    try:
        return editor.load(text), dump, True
    except YAMLError as error:
        raise UsageError(f"not YAML: {str(error).splitlines()[0]}") from error
