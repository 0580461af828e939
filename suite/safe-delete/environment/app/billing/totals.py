"""Sums with tax."""

RATE = 19


def _rate(country):
    return RATE if country == "de" else 20


def _old_rate(country):
    return 16 if country == "de" else 18


def new_total(amounts, country="de"):
    """Return what is owed."""
    net = sum(amounts)
    return net + net * _rate(country) // 100


def old_total(amounts, country="de"):
    """Return what was owed before the reform."""
    net = sum(amounts)
    return net + net * _old_rate(country) // 100


def net_total(amounts):
    return sum(amounts)
