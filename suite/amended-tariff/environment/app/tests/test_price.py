import unittest

from tariff.price import price

PARCEL = {"weight_g": 900, "size_cm": [30, 20, 10], "zone": "A", "kind": "private", "month": 5, "value_cents": 0, "marks": []}


class Prices(unittest.TestCase):
    def test_a_price_is_whole_cents(self):
        self.assertIs(type(price(PARCEL)), int)
        self.assertGreater(price({**PARCEL, "zone": "F"}), price(PARCEL))


if __name__ == "__main__":
    unittest.main()
