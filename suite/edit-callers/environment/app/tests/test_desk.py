import unittest

from desk import mail
from desk.alarm import alarm
from desk.orders import leave


class DeskTest(unittest.TestCase):
    def setUp(self):
        mail.SENT.clear()

    def test_an_order_leaves(self):
        leave("ada")
        self.assertEqual(mail.SENT, [("ada", "Your order left.", "high")])

    def test_an_alarm_also_pages(self):
        self.assertEqual(alarm(["ada"], "fire"), [("ada", "fire", True)])


if __name__ == "__main__":
    unittest.main()
