import unittest

from web.checkout import steps
from web.mail import confirmation


class CheckoutTest(unittest.TestCase):
    def test_steps(self):
        self.assertEqual(steps(["pen"]), ["all in one"])

    def test_mail(self):
        self.assertEqual(confirmation(7), "Your order 7: Thanks.")


if __name__ == "__main__":
    unittest.main()
