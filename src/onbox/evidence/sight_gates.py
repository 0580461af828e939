"""Does an answer hold what is in a picture? Deterministic, and deaf to case and to the many spellings of Unicode.

The same gate serves the preflight and the judge.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

ANSWER_CHARACTERS = 400
"""Only so much of the end of an answer is read: one that lists all that could be meant has read nothing."""
READ_CHARACTERS = 20 * ANSWER_CHARACTERS
DIGITS_MIN = 4
"""A number of so many digits is an answer; a shorter one may count what is in the picture."""
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[ ,.'_\-\u2009\u202f]+(?=\d)")
_MARKUP = re.compile(r"[*_`~#>|\"'“”‘’«»()\[\]{}]")
_THOUGHT = re.compile(r"^.*</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_CHARACTERS_OF_NO_WIDTH = ("Cf", "Cc", "Cs", "Co", "Cn", "Mn", "Me")


@dataclass(frozen=True)
class Reading:
    """What a gate found.

    Args:
        found: each expected part, whether it stands in the answer.
        decoy: something that does not belong there; empty when there is nothing.
    """

    found: tuple[bool, ...]
    decoy: str = ""

    @property
    def complete(self) -> bool:
        """All that was expected, and nothing else of its kind."""
        return all(self.found) and bool(self.found) and not self.decoy

    @property
    def partly(self) -> bool:
        """Some of it."""
        return any(self.found) and not self.complete


def folded(text: str) -> str:
    """A text without case, accents, invisible characters, and differences of form (full width, ligatures, ...)."""
    text = unicodedata.normalize("NFKD", text.replace("\n", " ").replace("\t", " ").replace("\r", " "))
    text = unicodedata.normalize("NFKD", text.casefold())
    text = "".join(_digit(c) for c in text if unicodedata.category(c) not in _CHARACTERS_OF_NO_WIDTH)
    text = "".join("-" if unicodedata.category(c) == "Pd" else c for c in text)
    return " ".join(_MARKUP.sub(" ", text).split())


def read_by(answer: str, expected: Sequence[str], decoys: Sequence[str] = ()) -> Reading:
    """Hold an answer against what is in the picture.

    Args:
        answer: whatever a model or a server wrote; only its end is read.
        expected: words, or numbers, that must all stand there, each as a whole.
        decoys: of the same kind, none of which may.
    """
    text = _THOUGHT.sub("", answer[-READ_CHARACTERS:])
    text = folded(text)[-ANSWER_CHARACTERS:]
    words = _words(text)
    numbers = re.findall(r"\d+", _BETWEEN_DIGITS.sub("", text))
    found = tuple(_holds(words, numbers, part) for part in expected)
    return Reading(found, _decoy(words, numbers, expected, decoys))


def _decoy(words: Sequence[str], numbers: Sequence[str], expected: Sequence[str], decoys: Sequence[str]) -> str:
    right = {number for part in expected for number in _numbers_of(part)}
    if right and (other := next((n for n in numbers if len(n) >= DIGITS_MIN and n not in right), "")):
        return other
    return next((part for part in decoys if _holds(words, numbers, part)), "")


def _holds(words: Sequence[str], numbers: Sequence[str], part: str) -> bool:
    if number := next(iter(_numbers_of(part)), ""):
        return number in numbers
    wanted = _words(folded(part))
    return bool(wanted) and any(words[at : at + len(wanted)] == wanted for at in range(len(words)))


def _numbers_of(part: str) -> list[str]:
    """The number that a part is; none where it is a text."""
    whole = _BETWEEN_DIGITS.sub("", folded(part))
    return [whole] if whole.isdecimal() and len(whole) >= DIGITS_MIN else []


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def _digit(character: str) -> str:
    """A digit of any script as the one of ASCII."""
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)
