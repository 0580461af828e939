"""Prices in another currency."""

from desk.state import RATES


def converted(amount, currency):
    return round(amount * RATES[currency])
