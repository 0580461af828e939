"""Amounts as people read them."""


def euros(amount):
    """Return an amount as text, such as 12.05 EUR."""
    return f"{amount // 100}.{amount % 100:02d} EUR"
