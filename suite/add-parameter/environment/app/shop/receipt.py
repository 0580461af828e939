"""What is printed at the till."""

from shop.labels import price_label


def receipt(amounts):
    return list(map(price_label, amounts))
