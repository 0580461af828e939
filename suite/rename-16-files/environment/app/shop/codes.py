"""Discount codes that customers type in."""

CODES = {"WELCOME": 10, "FRIEND": 15}


def apply_discount_code(code):
    """Return the percentage that a code is worth; 0 for an unknown one."""
    return CODES.get(code.strip().upper(), 0)
