import unittest

from ledger.invoice import Invoice


class InvoiceTest(unittest.TestCase):
    def test_net_is_the_sum_of_the_lines(self):
        self.assertEqual(Invoice([("pen", 250), ("ink", 799)]).net(), 1049)

    def test_footer_shows_the_gross_amount(self):
        self.assertEqual(Invoice([("desk", 10000)]).footer(), "To be paid: 123.90 EUR")


if __name__ == "__main__":
    unittest.main()
