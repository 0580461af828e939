"""Four letters, each with its word, in order, and no other version of a letter."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, judge
from replylib import reply_lines

LINE = re.compile(r"^(?:[1-4][.)]\s*)?([ACID])\s*[:=|.)(-]+[>\s:]*\"?([a-z]+)", re.IGNORECASE)
WHOLE = re.compile(r"^(?:[1-4][.)]\s*)?(atomicity|consistency|isolation|durability)\b", re.IGNORECASE)
WANTED = {"A": r"atomic(ity)?", "C": r"consisten(cy|t)", "I": r"isolat(ion|ed)", "D": r"durab(ility|le)"}


def letters(lines):
    """(letter, word) of each line; a line that begins with the word itself, its letter in bold, counts as well."""
    for line in lines:
        match = LINE.match(line)
        whole = WHOLE.match(line)
        if match:
            yield match[1].upper(), match[2].lower()
        elif whole:
            yield whole[1][0].upper(), whole[1].lower()


def gate():
    found = list(letters(reply_lines()))
    if list(dict.fromkeys(letter for letter, _ in found)) != list(WANTED):
        raise Fail("FAIL_FORM", "no four lines for A, C, I and D in order")
    for letter, word in found:
        if not re.fullmatch(WANTED[letter], word):
            raise Fail("FAIL_WORD_WRONG", f"{letter} is {word}")


judge(gate)
