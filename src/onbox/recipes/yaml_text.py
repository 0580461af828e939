"""YAML as people write it: read with errors that say where, written so that people can read it."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from onbox.errors import UsageError
from onbox.field_errors import first_problem
from onbox.input_files import input_text
from onbox.schema.recipe import Recipe
from onbox.untrusted_yaml import UntrustedYamlError, parse


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, so that a chat template or a command can be read."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _block)


def write_yaml(data: dict[str, Any]) -> str:
    """The data as YAML, keys in their order."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def recipe_yaml(recipe: Recipe) -> bytes:
    """A recipe as UTF-8 YAML, defaults left out."""
    return write_yaml(recipe.model_dump(mode="json", exclude_defaults=True)).encode()


def read_yaml(path: Path) -> Any:
    """Parse a YAML file.

    Raises:
        UsageError: the file is missing, no text, or not YAML; the message has file and line.
    """
    text = input_text(path)
    try:
        return parse(text)
    except UntrustedYamlError as error:
        raise UsageError(f"{error.at(str(path))}: not YAML: {error}", "is it the file that you meant?") from error


def recipe_of(fields: Any, where: str) -> Recipe:
    """The recipe that these fields say.

    Args:
        fields: parsed YAML.
        where: what to call it in errors.

    Raises:
        UsageError: a field is wrong; it is named.
    """
    try:
        return Recipe.model_validate(fields)
    except ValidationError as error:
        problem = first_problem(error, Recipe).replace("the whole: ", "recipe: ", 1)
        raise UsageError(f"{where}: {problem}", "docs/recipes.md has every key") from error
