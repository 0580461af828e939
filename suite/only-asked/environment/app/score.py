"""Scores."""

from rounds import STEP, is_even

START = 5


def score(values):
    # TODO: this should be a sum(), fix it
    total = START
    for value in values:
        if is_even(value):
            total = total + value
        else:
            total = total - STEP
    return total
