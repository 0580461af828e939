"""A validity rule is one function, with its id, its hardness and its subject declared at it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from onbox.schema.checks import Check, Status

P = ParamSpec("P")
R = TypeVar("R", bound=Check | tuple[Check, ...] | None)


class Subject(StrEnum):
    """What a rule asks about."""

    STREAM = "the streams that a rate was read from"
    SERVER = "the server, and who else it served"
    BOX = "the box, and how it holds its pace"
    WEIGHTS = "what a token must read"
    LEDGER = "what was struck out"
    TRIAL = "a whole trial"


@dataclass(frozen=True)
class CheckRule:
    """One rule.

    Args:
        id: of its checks.
        subject: what it asks about.
        hard: its failure makes a measurement invalid; that of any other makes it suspect.
        says: the first line of its docstring.
    """

    id: str
    subject: Subject
    hard: bool
    says: str


HINT_CHARACTERS_MAX = 2000
RULES: dict[str, CheckRule] = {}
"""All rules that were imported, by id."""


def rule(id: str, subject: Subject, *, hard: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare a function to be the rule `id`; its checks get that id.

    Raises:
        ValueError: another rule has this id.
    """

    def declare(function: Callable[P, R]) -> Callable[P, R]:
        if id in RULES:
            raise ValueError(f"{id}: two rules have this id")
        RULES[id] = CheckRule(id, subject, hard, (function.__doc__ or "").partition("\n")[0])

        @wraps(function)
        def applied(*args: P.args, **kwargs: P.kwargs) -> R:
            found = function(*args, **kwargs)
            if isinstance(found, tuple):
                return cast("R", tuple(replace(check, id=id) for check in found))
            return found if found is None else cast("R", replace(found, id=id))

        return applied

    return declare


def ids(*, subject: Subject | None = None, hard: bool | None = None) -> frozenset[str]:
    """The ids of the rules of a subject, of the hard or of the others."""
    return frozenset(
        each.id
        for each in RULES.values()
        if (subject is None or each.subject is subject) and (hard is None or each.hard is hard)
    )


def finding(
    *,
    status: Status,
    observed: float | str | None,
    threshold: float | str | None,
    unit: str = "",
    evidence: str = "",
    hint: str = "",
) -> Check:
    """What a rule found; its id is the rule's. Words of others in it, as of a server, are cut."""
    return Check("", status, _as_float(observed), _as_float(threshold), unit, evidence, _cut(hint))


def _as_float(value: float | str | None) -> float | str | None:
    """In `verdict.json` a number of a check is one with a point, whatever it counts."""
    return float(value) if isinstance(value, int) else _cut(value) if isinstance(value, str) else value


def _cut(text: str) -> str:
    return text if len(text) <= HINT_CHARACTERS_MAX else f"{text[:HINT_CHARACTERS_MAX]}…"
