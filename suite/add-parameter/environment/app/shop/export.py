"""Orders for the bookkeeper."""

from shop.labels import price_label


def line(order):
    return ";".join([str(order["id"]), price_label(order["amount"])])
