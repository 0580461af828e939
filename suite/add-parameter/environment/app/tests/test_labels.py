import unittest

from shop.labels import price_label
from shop.receipt import receipt


class LabelsTest(unittest.TestCase):
    def test_cents_become_euros(self):
        self.assertEqual(price_label(1250), "12.50 EUR")

    def test_receipt(self):
        self.assertEqual(receipt([5, 100]), ["0.05 EUR", "1.00 EUR"])


if __name__ == "__main__":
    unittest.main()
