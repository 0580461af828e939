import unittest

from shelf.listing import listing


class ListingTest(unittest.TestCase):
    def test_a_last_page_that_is_not_full(self):
        self.assertEqual(listing(["a", "b", "c", "d"], 2), "page 2 of 2: d")

    def test_a_last_page_that_is_full(self):
        self.assertEqual(listing(["a", "b", "c"], 1), "page 1 of 1: a, b, c")


if __name__ == "__main__":
    unittest.main()
