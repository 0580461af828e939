"""Rows from text."""


def load(path, verbose):
    """Return the rows of a list of lines, split at the comma."""
    return [row.split(",") for row in path]


def header(rows):
    return rows[0] if rows else []
