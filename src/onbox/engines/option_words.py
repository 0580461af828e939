"""Options of a command line, as recipes write them: long names without dashes."""

from collections.abc import Mapping

from onbox.errors import UsageError
from onbox.schema.recipe import ArgumentValue


def long_name(name: str) -> str:
    """An option's name with dashes; behind a point stands a key of JSON (`compilation-config.cudagraph_mode`), which
    keeps its own."""
    option, point, key = name.partition(".")
    return option.replace("_", "-") + point + key


def words(options: Mapping[str, ArgumentValue | None]) -> list[str]:
    """The words of a command line: true is an option without a value, false and None leave it out."""
    found: list[str] = []
    for name, value in options.items():
        if value is None or value is False:
            continue
        found.append(f"--{name}")
        if isinstance(value, tuple):
            found += [str(each) for each in value]
        elif value is not True:
            found.append(str(value))
    return found


def merged(
    own: Mapping[str, ArgumentValue | None], given: Mapping[str, ArgumentValue], recipe_name: str
) -> dict[str, ArgumentValue | None]:
    """What onbox sets by itself, and the recipe's own arguments after it.

    Raises:
        UsageError: the recipe sets by `serve.arguments` what another field of it sets otherwise.
    """
    for name in given:
        if own.get(long_name(name)) not in (None, given[name]):
            raise UsageError(
                f"{recipe_name}: serve.arguments: {name}: another field of the recipe sets this option",
                "take it out of serve.arguments",
            )
    return {**own, **{long_name(name): value for name, value in given.items()}}
