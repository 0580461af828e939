"""What a linter says of Python that it did not say before: names that are not there, imports that nothing uses.

The linter is pyflakes, which reads the text and imports nothing. For other languages none comes along.
"""

import ast
import warnings
from collections import Counter
from pathlib import Path

SUFFIX = ".py"


def complaints(before: Path, after: Path) -> tuple[str, ...]:
    """What is said of a file now and was not before, without the lines, which move.

    Args:
        before: the file as it was; it may be missing.
        after: the file, which can be parsed.
    """
    return tuple(sorted((_findings(after) - _findings(before)).elements()))


def _findings(path: Path) -> Counter[str]:
    """Nothing is said of what is no file or cannot be parsed: that it cannot is told elsewhere."""
    from pyflakes.checker import Checker

    if not path.is_file():
        return Counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = Checker(ast.parse(path.read_text("utf-8"))).messages
            return Counter(str(each.message % each.message_args) for each in found)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return Counter()
    except Exception as error:  # A stranger's text may be more than the linter is made for; a run must not end by it.
        return Counter({f"pyflakes broke: {type(error).__name__}": 1})
