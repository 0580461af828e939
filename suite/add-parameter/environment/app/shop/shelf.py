"""Labels on the shelf."""


class Shelf:
    def __init__(self, amount):
        self.amount = amount

    def price_label(self, amount=None):
        return f"only {(amount or self.amount) / 100:.2f}!"

    def sign(self):
        return self.price_label().upper()
