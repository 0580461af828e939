"""A ratio as people read it."""

import pytest

from onbox.schema.units import factor


@pytest.mark.parametrize(
    ("times", "text"),
    [
        (1.9, "1.9"),
        (5.04, "5"),
        (0.602, "0.6"),
        (1.04, "1.04"),
        (0.996, "0.996"),
        (1.0, "1"),
        (260.0, "260"),
        (1000.0, "1,000"),
        (2.6e5, "over 1,000"),
        (1.1e-05, "under 0.001"),
        (0.001, "0.001"),
        (float("inf"), "over 1,000"),
        (0.0, "under 0.001"),
    ],
)
def test_a_ratio_says_no_more_than_a_few_runs_know(times: float, text: str) -> None:
    assert factor(times) == text
