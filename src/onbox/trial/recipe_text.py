"""A recipe as the YAML that goes into evidence."""

import yaml

from onbox.recipes import Recipe


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, so that a chat template can be read."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def recipe_yaml(recipe: Recipe) -> bytes:
    """The recipe as UTF-8 YAML, defaults left out."""
    data = recipe.model_dump(mode="json", exclude_defaults=True)
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110).encode()
