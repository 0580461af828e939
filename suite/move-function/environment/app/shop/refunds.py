"""What goes back."""

from tools.text import parse_amount


def refund(paid, percent):
    return parse_amount(paid) * percent // 100
