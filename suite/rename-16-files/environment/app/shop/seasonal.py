"""Sales of the season."""

from functools import partial

from shop.pricing import apply_discount

summer_price = partial(apply_discount, percent=30)
winter_price = partial(apply_discount, percent=25)
