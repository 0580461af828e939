"""An invoice: its lines and what is to be paid."""

from ledger.amounts import add_numbers, from_euros
from ledger.formatting import euros

SHIPPING = from_euros(4, 90)


class Invoice:
    """Lines of (description, amount)."""

    def __init__(self, lines):
        self.lines = list(lines)

    def net(self):
        return add_numbers(amount for _, amount in self.lines)

    def gross(self, vat_percent=19):
        net = self.net()
        return add_numbers([net, net * vat_percent // 100, SHIPPING])

    def footer(self):
        return f"To be paid: {euros(self.gross())}"
