"""Orders as customers type them."""

from tools.text import parse_amount, squeeze


def order(line):
    name, _, price = line.rpartition(" ")
    return squeeze(name), parse_amount(price)
