import unittest

from basket.basket import Basket


class BasketTest(unittest.TestCase):
    def test_a_total(self):
        self.assertEqual(Basket().add("pen").total(), 250)

    def test_another_total(self):
        self.assertEqual(Basket().add("ink").total(), 799)


if __name__ == "__main__":
    unittest.main()
