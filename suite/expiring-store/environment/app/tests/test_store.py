import unittest

from memory.store import Store


class Forgets(unittest.TestCase):
    def test_some(self):
        now = [0]
        store = Store(2, lambda: now[0], lifetime=5)
        store.put("a", 1)
        store.put("b", 2)
        self.assertEqual(store.get("a"), 1)
        store.put("c", 3)
        self.assertEqual(store.keys(), ["a", "c"])
        now[0] = 5
        self.assertEqual(store.keys(), [])


if __name__ == "__main__":
    unittest.main()
