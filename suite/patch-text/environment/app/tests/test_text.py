import unittest

from patches.text import apply


class Patches(unittest.TestCase):
    def test_some(self):
        self.assertEqual(apply("a\nb\nc\n", "@@ -1,2 +1,2 @@\n a\n-b\n+B\n"), "a\nB\nc\n")
        self.assertEqual(apply("a\nB\nc\n", "@@ -1,2 +1,2 @@\n a\n-b\n+B\n", backwards=True), "a\nb\nc\n")


if __name__ == "__main__":
    unittest.main()
