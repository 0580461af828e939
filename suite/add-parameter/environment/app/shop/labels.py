"""Prices as people read them."""


def price_label(amount):
    """Return an amount in cents as text."""
    return f"{amount // 100}.{amount % 100:02d} EUR"


def piece_label(count):
    """Return a number of pieces as text."""
    return "1 piece" if count == 1 else f"{count} pieces"
