"""Rounds."""

STEP = 3


def is_even(value):
    return value % 2 == 0  # TODO: rename
