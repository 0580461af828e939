import unittest

from shop import metrics
from shop.cart import Cart
from shop.checkout import checkout


class CheckoutTest(unittest.TestCase):
    def test_a_code_counts_after_the_cart(self):
        self.assertEqual(checkout(Cart(["pen", "ink"]), "welcome"), 944)

    def test_the_dashboard_counts_calls(self):
        before = metrics.COUNTS.get("apply_discount.calls", 0)
        checkout(Cart(["pen"]))
        self.assertEqual(metrics.COUNTS["apply_discount.calls"], before + 1)


if __name__ == "__main__":
    unittest.main()
