import unittest

from shop.orders import order


class OrdersTest(unittest.TestCase):
    def test_a_line_is_a_name_and_a_price(self):
        self.assertEqual(order("blue  pen 2,50"), ("blue pen", 250))


if __name__ == "__main__":
    unittest.main()
