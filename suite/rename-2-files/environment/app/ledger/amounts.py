"""Amounts of money, in cents."""


def add_numbers(amounts):
    """Return the sum of some amounts."""
    total = 0
    for amount in amounts:
        total += amount
    return total


def from_euros(euros, cents=0):
    """Return an amount given in euros and cents."""
    return euros * 100 + cents
