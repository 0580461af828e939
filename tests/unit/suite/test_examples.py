"""An example of a wrong or another answer says what is other in it, and does not repeat the solution."""

from collections import Counter
from pathlib import Path

import pytest

SUITE = Path(__file__).parents[3] / "suite"
SHARED_MAX = 50
"""Lines that an example may have in common with the solution; those that build on it call it."""


def lines_of(path: Path) -> Counter[str]:
    return Counter(line for line in path.read_text("utf-8").splitlines() if line.strip())


def examples(task: Path) -> list[Path]:
    return sorted(path for folder in ("wrong", "variants") for path in (task / "solution" / folder).glob("*.sh"))


@pytest.mark.parametrize(
    "task", sorted(path.name for path in SUITE.iterdir() if (path / "solution/solve.sh").is_file())
)
def test_an_example_does_not_repeat_the_solution(task: str) -> None:
    solution = lines_of(SUITE / task / "solution" / "solve.sh")
    shared = {path.name: (solution & lines_of(path)).total() for path in examples(SUITE / task)}
    assert {name: count for name, count in shared.items() if count > SHARED_MAX} == {}
