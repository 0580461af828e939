"""What is known of a load generator: how its files look, and which of its numbers are what they call themselves.

The package of an engine declares the one that comes with it (`onbox.engines.<engine>.bench`); those that come with no
engine are in `onbox.judge.imports.rules`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

MANY_TOKENS_A_GAP = 1.15
"""Chunk gap over token time, from which on a gap between chunks is no time of a token."""
RETOKENISED_SHARE = 0.02
"""How far a recount of the text may be from usage before its rates are of other tokens."""
FIRST_CHUNK = "It divides by N - 1 tokens, so that it reads (N - 1)/(N - k) too fast where the first chunk brings k."
WITH_THE_PROMPT = "Tokens over the whole time, the prompt's and all pauses included: no rate of decoding."
Path = tuple[str, ...]
"""Keys, one inside the other."""


class Trust(StrEnum):
    """How far a number of another tool may be used as what it calls itself."""

    YES = "yes"
    CARE = "with care"
    NO = "no"


class ToolNumbers(Protocol):
    """One measurement of another tool, as a rule looks at it."""

    @property
    def version(self) -> str | None:
        """Of the tool; None where the file does not tell."""
        ...

    @property
    def backend(self) -> str | None:
        """Which API was asked, in the tool's words."""
        ...

    @property
    def concurrency(self) -> int | None:
        """Requests at a time; None: no bound."""
        ...

    def number(self, name: str) -> float | None:
        """The number of this name; None when the file has none."""
        ...


@dataclass(frozen=True)
class NumberRule:
    """What one number of one tool is worth, where `when` holds."""

    tool: str
    number: str
    trust: Trust
    why: str
    when: Callable[[ToolNumbers], bool] = lambda cell: True


@dataclass(frozen=True)
class ToolNumber:
    """One number of a file.

    Args:
        name: under which it is kept.
        unit: of it.
        key: in the file, where that is not `name`.
        spread: `mean_...`, whose `median_...` and `std_...` belong to it.
    """

    name: str
    unit: str
    key: str = ""
    spread: bool = False


@dataclass(frozen=True)
class BenchTool:
    """The load generator that comes with an engine: a summary of keys and numbers for each measurement.

    Args:
        kind: what `onbox import` calls it.
        signs: keys that all its files have, for each of their forms.
        numbers: those that are kept.
        rules: what they are worth; the first that fits a number decides.
        model: where its name stands.
        version: where the tool's version stands; empty: nowhere.
        backend: where the API stands; of several the first that is there.
        labels: what sets a measurement apart, the rate left out.
        joined: between them.
        ran_concurrency: where the mean of what ran at a time stands; empty: nowhere.
        failed: key of the failed requests; empty: only a detailed file tells them.
        requested: key of the requests that were to be made; empty: nowhere.
        hides_broken_streams: an error in the middle of a stream counts as success.
    """

    kind: str
    signs: tuple[str, ...]
    numbers: tuple[ToolNumber, ...]
    rules: tuple[NumberRule, ...]
    model: Path
    version: Path = ()
    backend: tuple[Path, ...] = (("backend",),)
    labels: tuple[Path, ...] = ()
    joined: str = ", "
    ran_concurrency: Path = ()
    failed: str = ""
    requested: str = ""
    hides_broken_streams: bool = False


def ratio(over: str, under: str) -> Callable[[ToolNumbers], float]:
    """One number over another; 1 where either is missing."""

    def of(cell: ToolNumbers) -> float:
        above, below = cell.number(over), cell.number(under)
        return above / below if above and below else 1.0

    return of
