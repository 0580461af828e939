"""Lines of an invoice."""

from shop import pricing


def line(article, percent):
    price = pricing.apply_discount(pricing.list_price(article), percent)
    return f"{article}: {price / 100:.2f}"
