import unittest

from billing import new_total
from billing.invoice import Invoice


class NewTest(unittest.TestCase):
    def test_new_rate(self):
        self.assertEqual(new_total([100]), 119)

    def test_old_invoices(self):
        self.assertEqual(Invoice([100]).old_total(), 100)


if __name__ == "__main__":
    unittest.main()
