import unittest

from calc.language import evaluate


class Language(unittest.TestCase):
    def test_some(self):
        self.assertEqual(evaluate("1 + 2 * 3"), 7)
        self.assertEqual(evaluate("let x = 2 in -x ^ 2"), -4)


if __name__ == "__main__":
    unittest.main()
