"""Mean, median, range and deviation of a list of numbers."""

from collections.abc import Sequence
from statistics import fmean, median, pstdev, stdev

from onbox.evidence.records import Record
from onbox.judge.rounding import rounded


class Summary(Record):
    """Some numbers in a few, in their own unit."""

    values: tuple[float, ...]
    mean: float
    median: float
    least: float
    most: float
    std: float
    """Of these numbers as all that there are (divided by n), as numpy has it."""
    std_of_sample: float | None
    """As a sample of more (divided by n - 1); None for a single number."""


def summary(values: Sequence[float | None]) -> Summary | None:
    """Describe the numbers that are there; None when there are none."""
    found = [value for value in values if value is not None]
    if not found:
        return None
    return Summary(
        values=tuple(found),
        mean=rounded(fmean(found)),
        median=rounded(median(found)),
        least=min(found),
        most=max(found),
        std=rounded(pstdev(found)),
        std_of_sample=rounded(stdev(found)) if len(found) > 1 else None,
    )
