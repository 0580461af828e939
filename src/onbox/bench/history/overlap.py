"""How much two states of files have in common: two tasks of one commit, or a new file and one that was there."""

from collections import Counter
from collections.abc import Mapping

from onbox.bench.history.reduce import changed_lines

ALIKE_SHARE = 0.5
"""From here on they are taken for the same: as git takes a file for another one that was renamed."""
_LINES_MIN = 5
"""Shorter files are alike by chance."""


def shared(before: Mapping[str, bytes], one: Mapping[str, bytes], other: Mapping[str, bytes]) -> float:
    """Lines that both changes change in the same way, over those that either changes: from 0 to 1, the same change."""
    first, second = changed_lines(before, one), changed_lines(before, other)
    either = (first | second).total()
    return (first & second).total() / either if either else 1.0


def origin(content: bytes, files: Mapping[str, bytes]) -> str | None:
    """The file that most of a new one stands in; None where there is none."""
    lines = _lines(content)
    best, share = None, ALIKE_SHARE
    for name, text in sorted(files.items()):
        others = _lines(text)
        most = max(lines.total(), others.total())
        common = (lines & others).total()
        if common >= _LINES_MIN and common / most >= share:
            best, share = name, common / most
    return best


def _lines(content: bytes) -> Counter[bytes]:
    return Counter(line.strip() for line in content.split(b"\n") if line.strip())
