"""What can be said of a ceiling when something that a step reads is not known: one number, and which way it leans."""

from dataclasses import dataclass
from math import floor, log10

from onbox.weights.facts import Facts


@dataclass(frozen=True)
class CeilingBound:
    """Two digits at most: the rest would pretend.

    Args:
        tok_s: over all sequences together; None without a bandwidth, or where it could lie on either side.
        leans: `at_most` (more is read than is counted), `at_least` (less is), `either`.
    """

    tok_s: float | None
    leans: str
    text: str


def bound_of(facts: Facts, step_bytes: float, ceiling_tok_s: float | None) -> CeilingBound:
    """The bound that the known part of a step gives.

    Args:
        step_bytes: of everything that is known.
        ceiling_tok_s: that these bytes alone would give.
    """
    read = f"{two_digits(step_bytes / 1e9):g} GB a step"
    if facts.cache.unknown and facts.unknown:
        return CeilingBound(None, "either", f"About {read} are known, and both more and less may be read: no bound.")
    leans, amount = ("at_most", "At least") if facts.cache.unknown else ("at_least", "At most")
    if ceiling_tok_s is None:
        return CeilingBound(None, leans, f"{amount} {read} are read.")
    rate = two_digits(ceiling_tok_s)
    words = leans.replace("_", " ")
    return CeilingBound(rate, leans, f"{amount} {read} are read, so the ceiling is {words} about {rate:g} tok/s.")


def two_digits(value: float) -> float:
    """Rounded to two significant digits."""
    return round(value, 1 - floor(log10(abs(value)))) if value else 0.0
