"""From cart to payment."""

from shop.codes import apply_discount_code
from shop.metrics import count
from shop.pricing import apply_discount


def checkout(cart, code=""):
    """Return what is to be paid, after the customer's code."""
    count("apply_discount.calls")
    return apply_discount(cart.total(), apply_discount_code(code))
