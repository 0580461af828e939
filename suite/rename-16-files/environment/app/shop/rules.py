"""Pricing rules by name, as the back office picks them."""

from shop.pricing import apply_discount

RULES = {
    "none": lambda price: price,
    "half": lambda price: apply_discount(price, 50),
    "staff": lambda price: apply_discount(price, 35),
}
