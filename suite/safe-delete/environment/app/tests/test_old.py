import unittest

from billing.totals import old_total


class OldTest(unittest.TestCase):
    def test_old_rate(self):
        self.assertEqual(old_total([100]), 116)


if __name__ == "__main__":
    unittest.main()
