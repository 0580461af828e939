import unittest

from shop.pricing import apply_discount


class PricingTest(unittest.TestCase):
    def test_a_discount_rounds_down(self):
        self.assertEqual(apply_discount(799, 10), 719)

    def test_no_discount(self):
        self.assertEqual(apply_discount(250, 0), 250)


if __name__ == "__main__":
    unittest.main()
