import unittest

from plan.order import rounds


class Rounds(unittest.TestCase):
    def test_some(self):
        jobs = [{"name": "a", "after": ["c"]}, {"name": "b"}, {"name": "c", "needs": ["oven"]}, {"name": "d", "needs": ["oven"]}]
        self.assertEqual(rounds(jobs, 2), [["b", "c"], ["a", "d"]])


if __name__ == "__main__":
    unittest.main()
