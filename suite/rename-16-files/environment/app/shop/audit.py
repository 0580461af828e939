"""Checks of yesterday's orders."""

import shop


def wrong_orders(orders):
    """Return the numbers of the orders that were charged another price than they should."""
    return [number for number, price, percent, paid in orders if shop.apply_discount(price, percent) != paid]
