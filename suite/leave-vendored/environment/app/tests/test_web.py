import unittest

from web.feed import feed
from web.pages import page


class WebTest(unittest.TestCase):
    def test_page(self):
        self.assertEqual(page({"a": 1}), "<pre>{\"a\": 1}</pre>")

    def test_feed(self):
        self.assertEqual(feed([1, 2]), "[\"1\",\"2\"]")


if __name__ == "__main__":
    unittest.main()
