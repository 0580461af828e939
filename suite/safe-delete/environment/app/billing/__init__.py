"""What customers owe."""

from billing.totals import new_total, old_total

__all__ = [
    "new_total",
    "old_total",
]
