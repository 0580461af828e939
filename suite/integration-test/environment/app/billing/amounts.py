"""Euros as text, cents as whole numbers."""


def cents(text):
    return int(float(text) * 100)


def share(amount, percent):
    return (amount * percent + 50) // 100
