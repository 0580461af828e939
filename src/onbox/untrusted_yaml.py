"""YAML that somebody else wrote: a recipe, a trial file, claims, a plan. What cannot be worked with is a ValueError.

A loader of PyYAML alone lets through what breaks its callers: nesting that no recursion survives, a list that holds
itself, aliases that unfold to more than any memory, and dates and numbers that end in another error than its own.
"""

from typing import Any

import yaml

DEPTH_MAX = 100
"""Levels of nesting."""
VALUES_MAX = 2_000_000
"""In one document, each alias counted as what it stands for."""


class UntrustedYamlError(ValueError):
    """It is no YAML, or none that can be worked with; the message says why.

    Args:
        problem: what is wrong, in one line.
        line: of the document, from 1; None where it is not told.
    """

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line

    def at(self, where: str) -> str:
        """The file with the line, as editors take it: `recipe.yaml:4`."""
        return where if self.line is None else f"{where}:{self.line}"


def parse(text: str, *, by_libyaml: bool = False) -> Any:
    """Parse a YAML document.

    Args:
        text: of the document.
        by_libyaml: first by the loader in C, where it is installed: a tenth of the time for a long document.

    Raises:
        UntrustedYamlError: it is no YAML, deeper than `DEPTH_MAX`, or has more than `VALUES_MAX` values.
    """
    if by_libyaml and hasattr(yaml, "CSafeLoader"):
        try:
            return _bounded(_loaded(text, yaml.CSafeLoader))
        except UntrustedYamlError:
            pass  # The other loader says it in the words that people know.
    return _bounded(_loaded(text, yaml.SafeLoader))


def _loaded(text: str, loader: Any) -> Any:
    try:
        return yaml.load(text, loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise UntrustedYamlError(error.problem or "it cannot be parsed", mark.line + 1 if mark else None) from error
    except yaml.YAMLError as error:
        raise UntrustedYamlError(str(error).splitlines()[0]) from error
    except RecursionError as error:
        raise UntrustedYamlError(f"nested deeper than {DEPTH_MAX} levels") from error
    except (ValueError, OverflowError) as error:
        raise UntrustedYamlError(f"a value is none: {str(error).partition(chr(10))[0]}") from error
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        # What PyYAML ends in for a text behind a tag that it is not.
        raise UntrustedYamlError("a value is not what its tag says") from error


def _bounded(value: Any) -> Any:
    _count(value, 0, {})
    return value


def _count(value: Any, level: int, counts: dict[int, int]) -> int:
    """Values inside of a value and itself; that of a part which stands there again is known by its identity."""
    if not isinstance(value, dict | list | tuple):
        return 1
    if level >= DEPTH_MAX:
        raise UntrustedYamlError(f"nested deeper than {DEPTH_MAX} levels")
    if id(value) not in counts:
        inside = value.values() if isinstance(value, dict) else value
        counts[id(value)] = 1 + sum(_count(inner, level + 1, counts) for inner in inside)
        if counts[id(value)] > VALUES_MAX:
            raise UntrustedYamlError(f"more than {VALUES_MAX:,} values")
    return counts[id(value)]
