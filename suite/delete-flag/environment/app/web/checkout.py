"""The way to the payment."""

from web.flags import is_on


def steps(cart):
    """Return the pages that a customer sees."""
    if is_on("new_checkout"):
        return steps_in_one_page(cart)
    return steps_page_by_page(cart)


def steps_page_by_page(cart):
    return ["cart", "address", "payment"] if cart else []


def steps_in_one_page(cart):
    return ["all in one"] if cart else ["empty"]
