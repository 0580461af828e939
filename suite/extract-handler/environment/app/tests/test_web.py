import unittest

from web.routes import ROUTES

ITEMS = [{"title": f"t{number:02d}", "name": f"n{number:02d}", "number": f"o{number:02d}"} for number in range(60)]


class Web(unittest.TestCase):
    def test_pages(self):
        answers = {path: handler(ITEMS, {}) for path, handler in ROUTES.items()}
        self.assertEqual([len(answer["items"]) for answer in answers.values()], [20, 50, 10, 25])
        self.assertEqual([answer["pages"] for answer in answers.values()], [3, 2, 6, 3])


if __name__ == "__main__":
    unittest.main()
