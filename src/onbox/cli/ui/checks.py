"""Checks of a box or of a launch: doubts first, each with what to do, then how many rules had none."""

from collections.abc import Sequence

from onbox.app.types import BoxCheck
from onbox.cli.ui.console import Screen, err

COLOURS = {"fail": "red", "warn": "yellow", "unknown": "dim"}


def show_checks(checks: Sequence[BoxCheck], screen: Screen | None = None) -> None:
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
        screen.line((f"{check.status:<7}", COLOURS[check.status]), f"  {check.id}: {observed}{check.evidence}")
        if check.hint:
            screen.line(check.hint, indent=9)
    passed = sum(check.status == "pass" for check in checks)
    screen.line((f"{passed} of {len(checks)} checks passed", "dim"))
