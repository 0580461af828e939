"""Helpers for money."""


def show(cents):
    """Return an amount as text."""
    return f"{cents // 100},{cents % 100:02d}"
