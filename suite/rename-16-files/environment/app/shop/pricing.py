"""Prices and discounts."""

PRICES = {"pen": 250, "ink": 799, "desk": 24900}


def list_price(article):
    return PRICES[article]


def apply_discount(price, percent):
    """Return a price less a discount, rounded down to whole cents."""
    return price * (100 - percent) // 100
