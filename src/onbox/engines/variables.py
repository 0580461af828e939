"""Values of variables that are named and not written: `${NAME}` and `${NAME:-default}` of a recipe's environment.

They are filled from onbox's own environment in the moment an engine starts. A command that is printed, a record and a
recipe in a trial hold the name alone, so that no token gets into evidence.
"""

import os
import re
from collections.abc import Mapping

NAMED = re.compile(r"\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}")


def by_name(value: str) -> bool:
    """Whether some of the value is taken from onbox's own environment."""
    return NAMED.search(value) is not None


def missing(environment: Mapping[str, str], own: Mapping[str, str] = os.environ) -> list[str]:
    """Names that these values need, have no default and are not set."""
    needed = (match for value in environment.values() for match in NAMED.finditer(value))
    return list(dict.fromkeys(match[1] for match in needed if match[2] is None and match[1] not in own))


def filled(environment: Mapping[str, str], own: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment with its values; a name that is not set is empty, as a shell has it."""

    def fill(match: re.Match[str]) -> str:
        return own.get(match[1]) or match[2] or ""

    return {name: NAMED.sub(fill, value) for name, value in environment.items()}
