"""How the judge says numbers, so that a sentence in verdict.json reads the same in every view."""

import math
import re
from collections.abc import Sequence

OF_KERNELS = "(of the kernels, not of the model: random weights)"
"""Behind a rate of a server that makes no sense on purpose."""

WORD = re.compile(r"[^\W\d_]+(['’-][^\W\d_]+)*")
"""Letters, also those of a compound; a name with a digit, a dot, a slash or an underline is none."""


def sentence(text: str) -> str:
    """One sentence: a capital at its start and a full stop at its end; nothing stays nothing.

    A first word that is not made of letters alone is a name (`qwen2.5-coder`, `preflight.json`) and keeps its case.
    """
    text = text.strip()
    if not text:
        return ""
    first = text.split(maxsplit=1)[0].rstrip(",.:;?!")
    return (text[0].upper() + text[1:] if WORD.fullmatch(first) else text) + ("" if text[-1] in ".?!" else ".")


def p_words(p: float) -> str:
    """`p = 0.043`, `p < 0.001`."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def percent(share: float) -> str:
    """`67 %`; a share that is not 0 or 1 is never rounded to it."""
    if 0 < share < 0.005 or 0.995 < share < 1:
        return "< 1 %" if share < 0.5 else "> 99 %"
    return f"{100 * share:.0f} %"


def plus_minus(relative: float | None) -> str:
    """An uncertainty as it stands behind a number: ` ± 4 %`; rounded up, and nothing where it is not known."""
    if relative is None:
        return ""
    shares = 100 * relative
    return f" ± {math.ceil(10 * shares) / 10:.1f} %" if shares <= 1 else f" ± {math.ceil(shares):.0f} %"


def passes(passed: int, valid: int) -> str:
    """`8 of 12 valid runs`."""
    return f"{passed} of {valid} valid run{'' if valid == 1 else 's'}"


def count(number: int, one: str) -> str:
    """`1 run`, `3 runs`."""
    return f"{number} {one}{'' if number == 1 else 's'}"


def several(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def one_line(text: str, length: int = 160) -> str:
    """A text of others on one line, cut to a length."""
    line = " ".join(text[: 20 * length].split())
    return line if len(line) <= length else line[: length - 1] + "…"
