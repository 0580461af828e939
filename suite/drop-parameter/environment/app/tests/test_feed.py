import unittest

from feed.command import main


class FeedTest(unittest.TestCase):
    def test_rows_are_counted(self):
        self.assertEqual(main(["a,b", "c,d"]), "2 rows")

    def test_and_told(self):
        self.assertEqual(main(["a,b"], verbose=True), "1 rows\na,b")


if __name__ == "__main__":
    unittest.main()
