"""Prices for resellers."""

from shop.pricing import (
    apply_discount,
    list_price,
)


def reseller_prices(articles):
    return dict(zip(articles, map(apply_discount, map(list_price, articles), [40] * len(articles))))
