"""What the judge says of two decode rates beside each other: shapes of `verdict.json`."""

from enum import StrEnum

from onbox.evidence.records import Record


class RateSaid(StrEnum):
    """Whether one rate is above another by more than what is not known of the two."""

    FASTER = "faster"
    SLOWER = "slower"
    EQUAL = "equal within uncertainty"
    """The interval of their ratio holds 1: which is faster is not shown, and neither is that they are the same."""
    NOT_COMPARED = "not compared"


class RateRatio(Record):
    """One rate over another, with how well the ratio is known (JCGM 100:2008, 5.1.6: relative uncertainties of a
    quotient add in squares)."""

    ratio: float | None
    """Above 1: faster; None: not compared."""
    relative: float | None
    """Half of a 95 percent interval, over the ratio."""
    interval: tuple[float, float] | None
    """95 percent."""
    said: RateSaid
    why: str = ""
    """What keeps the two from being compared; empty where they are."""


class RatePair(RateRatio):
    """The rate of one contender over that of another."""

    old: str
    """The incumbent; without one, the first that was measured."""
    new: str
