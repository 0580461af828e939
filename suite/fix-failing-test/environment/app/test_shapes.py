import unittest

from shapes import area


class ShapesTest(unittest.TestCase):
    def test_area(self):
        self.assertEqual(area(3, 5), 15)
