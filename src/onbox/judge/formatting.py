"""How the judge says numbers, so that a sentence in verdict.json reads the same in every view."""

import re

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


def passes(passed: int, valid: int) -> str:
    """`8 of 12 valid runs`."""
    return f"{passed} of {valid} valid run{'' if valid == 1 else 's'}"


def one_line(text: str, length: int = 160) -> str:
    """A text of others on one line, cut to a length."""
    line = " ".join(text[: 20 * length].split())
    return line if len(line) <= length else line[: length - 1] + "…"
