"""Helpers for text."""


def squeeze(text):
    """Return a text with single spaces."""
    return " ".join(text.split())


def parse_amount(text):
    """Return the cents of an amount such as 12,50."""
    euros, _, cents = squeeze(text).replace(".", ",").partition(",")
    return int(euros) * 100 + int(cents or 0)


def initials(name):
    """Return the first letters of a name."""
    return "".join(part[0] for part in squeeze(name).split()).upper()
