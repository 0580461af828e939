"""How many there are."""

from feed import reader


def count(path):
    return len(reader.load(path, verbose=True))
