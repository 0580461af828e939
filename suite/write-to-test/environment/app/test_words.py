import unittest

from words import count_words


class WordsTest(unittest.TestCase):
    def test_words_are_counted(self):
        self.assertEqual(count_words("to be or not"), 4)

    def test_an_empty_text_has_none(self):
        self.assertEqual(count_words(""), 0)
