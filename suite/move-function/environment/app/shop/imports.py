"""Price lists of others."""

from tools import text


def rows(lines):
    return {text.initials(line.split(";")[0]): text.parse_amount(line.split(";")[1]) for line in lines}
