"""Sizes, times and shares are written by `schema/units.py` alone, so that one number reads the same in every view."""

import re
from pathlib import Path

SOURCE = Path(__file__).parents[3] / "src" / "onbox"
SCALED = re.compile(r"\{[^{}\"]*/ *(?:2\*\*[123]0|1e[369]|GIB|MIB)\)?:[^{}]*\}")
"""A number of bytes that is divided and formatted on the spot."""
ELSEWHERE = {
    "app/serving.py": "an option of a command line, which takes GiB",
    "cli/commands/fit.py": "a column whose head names the unit",
    "cli/ui/units.py": "parameters, in billions",
    "exporters/llama_bench.py": "as llama-bench writes it",
    "fit/bound.py": "a bound is known to two digits, and no more are shown",
    "schema/units.py": "the place",
}


def test_sizes_are_formatted_in_one_place() -> None:
    found = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py") if SCALED.search(path.read_text())}
    assert found == set(ELSEWHERE)
