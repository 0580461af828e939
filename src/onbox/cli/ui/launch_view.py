"""`onbox up RECIPE --print`, and the checks of a launch: doubts first, each with what to do."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from onbox.cli.ui.console import Screen, err, print_json, verbatim

if TYPE_CHECKING:
    from onbox.app.types import Check, Recipe

FORMS = ("command", "onbox", "sparkrun")
"""What `--as` takes: the command line, the recipe as onbox reads it, the recipe as sparkrun reads it."""
COLOURS = {"fail": "red", "warn": "yellow", "unknown": "dim"}


def print_launch(
    recipe: "Recipe", *, form: str = "command", reserve_bytes: int | None = None, as_json: bool = False
) -> None:
    """Print the command or the recipe on stdout, so that it can be kept, and the doubts on stderr.

    Args:
        recipe: what would be started.
        form: one of `FORMS`.
        reserve_bytes: memory that must stay available; None takes the default for this box.
        as_json: one JSON object instead.

    Raises:
        UsageError: its engine, or sparkrun, cannot do what it asks for.
        BoxError: the engine is not installed.
    """
    from onbox.app.launch import recipe_text, resolve_launch

    if form != "command":
        verbatim(recipe_text(recipe, form))
        return
    resolved = resolve_launch(recipe, reserve_bytes=reserve_bytes)
    if as_json:
        print_json({**resolved.as_dict(), "phases": [], "backend": None, "state": "printed"})
        return
    verbatim(f"{resolved.launch.shown()}\n")
    show_checks(resolved.checks)


def show_checks(checks: "Sequence[Check]", screen: Screen | None = None) -> None:
    """Print the checks of a launch.

    Args:
        checks: all of them.
        screen: where to; stderr if left out.
    """
    screen = screen or err()
    doubts = sorted(
        (each for each in checks if each.status in COLOURS), key=lambda each: list(COLOURS).index(each.status)
    )
    for check in doubts:
        observed = "" if check.observed is None or check.unit == "bytes" else f"{check.observed}. "
        screen.line((check.status, COLOURS[check.status]), f"  {check.id}: {observed}{check.evidence}")
        if check.hint:
            screen.line(check.hint, indent=6)
    passed = sum(check.status == "pass" for check in checks)
    screen.line((f"{passed} of {len(checks)} checks passed", "dim"))
