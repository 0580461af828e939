"""Where a measurement stands, for people."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class SpeedProgress:
    """After a request, or when the plan is settled.

    Args:
        done: measured requests that are over.
        total: that are to be made.
        left_s: seconds that the others will take, at the pace of those before; None: nothing tells.
        note: a line that is worth being read; mostly empty.
    """

    done: int
    total: int
    left_s: float | None
    note: str = ""


OnProgress = Callable[[SpeedProgress], None]
