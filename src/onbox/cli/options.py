"""Options that commands share, and which of them the user gave."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from onbox.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

GIB = 2**30


def json_option(function: F) -> F:
    """Add `--json`, passed on as `as_json`: one JSON object on stdout, all else on stderr."""
    return click.option(
        "--json", "as_json", is_flag=True, help="One JSON object on stdout, everything else on stderr."
    )(function)


def network_option(function: F) -> F:
    """Add `--network`: what a network is let in for."""
    return click.option(
        "--network",
        type=click.Choice(["none", "gates"]),
        default="none",
        show_default=True,
        help="Give this box's network to the gates and reference solutions of tasks that need it.",
    )(function)


def set_option(function: F) -> F:
    """Add `--set`, passed on as `task_set`: a set of builtin tasks."""
    return click.option(
        "--set",
        "task_set",
        type=click.Choice(["quick", "core", "builtin", "hard"]),
        help="The builtin tasks of a set: three small ones, nine, all, or ten hard ones; four if left out.",
    )(function)


def tasks_of(tasks: str | None, task_set: str | None) -> dict[str, str]:
    """The value of `--tasks` that `--set` stands for; none where it was not given.

    Raises:
        UsageError: both were given.
    """
    if task_set is None:
        return {}
    if tasks is not None:
        raise UsageError("--set and --tasks: both select tasks", "give one of them")
    return {"tasks": task_set}


def given(*names: str) -> dict[str, Any]:
    """Those of the current command's parameters that the user gave; with no names, of all of them."""
    context = click.get_current_context()
    return {
        name: value
        for name, value in context.params.items()
        if (not names or name in names)
        and context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
        and value != ()
    }


def bytes_of(gib: float | None) -> int | None:
    """GiB of an option in bytes."""
    return None if gib is None else round(gib * GIB)
