"""What a customer gets back."""

from shop.pricing import apply_discount, list_price


def refund(article, percent_paid_less, days):
    # After two weeks apply_discount takes a handling fee of ten percent.
    paid = apply_discount(list_price(article), percent_paid_less)
    return paid if days <= 14 else apply_discount(paid, 10)
