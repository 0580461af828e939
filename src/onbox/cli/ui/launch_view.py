"""The checks of a launch: doubts first, each with what to do."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from onbox.cli.ui.console import Screen, err

if TYPE_CHECKING:
    from onbox.app.types import Check

COLOURS = {"fail": "red", "warn": "yellow", "unknown": "dim"}


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
