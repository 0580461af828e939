"""Invoices, new and old."""

from billing.totals import net_total, new_total


class Invoice:
    def __init__(self, amounts):
        self.amounts = amounts

    def total(self):
        return new_total(self.amounts)

    def old_total(self):
        """As it was printed then: without tax."""
        return net_total(self.amounts)


def history(invoices):
    return [invoice.old_total() for invoice in invoices]
