"""Discounts for regular customers."""

from shop.pricing import apply_discount

STEPS = [(100, 10), (20, 5), (0, 0)]


def loyal_price(price, orders):
    percent = next(percent for least, percent in STEPS if orders >= least)
    return apply_discount(price, percent)
