"""Numbers as they are published.

The mathematics library of another machine may differ in the last bit; rounded to six digits it does not, so the same
evidence gives the same bytes.
"""

DIGITS = 6


def rounded(value: float) -> float:
    """Six significant digits."""
    return float(f"{value:.{DIGITS}g}")


def rounded_pair(pair: tuple[float, float] | None) -> tuple[float, float] | None:
    """An interval with six significant digits; None stays None."""
    return None if pair is None else (rounded(pair[0]), rounded(pair[1]))
