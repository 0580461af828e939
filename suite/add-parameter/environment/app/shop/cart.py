"""What a customer wants to buy."""

from shop.labels import piece_label, price_label


class Cart:
    def __init__(self, prices):
        self.prices = list(prices)

    def total(self):
        return sum(self.prices)

    def footer(self):
        return piece_label(len(self.prices)) + ": " + price_label(self.total())
