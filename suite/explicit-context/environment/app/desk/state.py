"""What the whole desk knows, set once at the start."""

CLOCK = None
RATES = {}
PREFIX = "D"
SENT = []


def now():
    return CLOCK()
