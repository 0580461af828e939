import unittest

from billing.invoice import build

ORDER = {
    "steps": [{"from": 10, "percent": 5}, {"from": 3, "percent": 2}],
    "lines": [
        {"article": "pen", "price": "19.99", "count": 2, "rate": 19},
        {"article": "ink", "price": "0.29", "count": 1, "rate": 7},
        {"article": "pen", "price": "19.99", "count": 8, "rate": 19},
        {"article": "pen", "price": "17.95", "count": 1, "rate": 19},
        {"article": "pad", "price": "1.15", "count": 3, "rate": 7},
    ],
}


class Invoice(unittest.TestCase):
    def test_the_whole_way(self):
        self.assertEqual(build(ORDER)["total"], 25127)


if __name__ == "__main__":
    unittest.main()
