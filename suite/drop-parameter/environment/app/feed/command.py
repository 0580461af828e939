"""The command."""

from feed.reader import load
from feed.report import report


def main(name, verbose=False):
    return report(load(name, verbose=verbose), verbose=verbose)
