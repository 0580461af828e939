"""The old register wrote amounts in cents."""


def parse_amount(text):
    """Return the cents of an amount such as 1250."""
    return int(text)


def total(lines):
    return sum(parse_amount(line) for line in lines)
