"""A small shop."""

from shop.pricing import apply_discount, list_price

__all__ = ["apply_discount", "list_price"]
