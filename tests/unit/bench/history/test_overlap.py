"""Two parts of a commit that are mostly the same work, and a new file that is one of before."""

import pytest

from onbox.bench.history.instruction import CodeStates, HiddenTests, instruction
from onbox.bench.history.overlap import ALIKE_SHARE, origin, shared

OLD = {"one.py": b"".join(b"return 0  # %d\n" % n for n in range(30))}
PAGE = b"".join(b"line %d\n" % n for n in range(40))


def with_lines(*numbers: int) -> dict[str, bytes]:
    lines = OLD["one.py"].splitlines(keepends=True)
    for number in numbers:
        lines[number] = b"return 1\n"
    return {"one.py": b"".join(lines)}


def test_other_places_are_other_work_though_the_same_is_written_there() -> None:
    assert shared(OLD, with_lines(3), with_lines(9)) == 0
    assert shared(OLD, with_lines(3), with_lines(3)) == 1
    assert shared(OLD, with_lines(3, 9), with_lines(9)) == pytest.approx(1 / 2)


def test_a_small_part_within_a_large_one_is_work_of_its_own() -> None:
    assert shared(OLD, with_lines(3), with_lines(*range(20))) < ALIKE_SHARE


def test_a_new_file_that_both_need_makes_them_the_same() -> None:
    one, other = ({**with_lines(number), "new.py": PAGE} for number in (3, 9))
    assert shared(OLD, one, other) > ALIKE_SHARE
    assert shared(OLD, {**OLD, "new.py": b"\0" * 9}, {**OLD, "new.py": b"\1" * 9}) == 0


def test_a_new_file_is_known_by_half_of_its_lines() -> None:
    assert origin(PAGE, {**OLD, "page.py": PAGE.replace(b"line 1\n", b"")}) == "page.py"
    assert origin(PAGE, {"part.py": PAGE[: len(PAGE) // 3]}) is None
    assert origin(b"import os\n", {"other.py": b"import os\n"}) is None, "short files are alike by chance"


@pytest.mark.parametrize("gone", [True, False])
def test_the_instruction_says_where_a_new_file_comes_from(gone: bool) -> None:
    """As a commit does that gives a module another name: nobody could know which is meant."""
    before = {"words.py": PAGE}
    least = {"formatting.py": PAGE} if gone else {**before, "formatting.py": PAGE}
    test = {"tests/test_it.py": b""}
    ids = ["tests.test_it::test_a"]
    words = instruction("Rename", CodeStates(before, least, least), HiddenTests(test, list(test), ids, "pytest"))
    stat = "`words.py` by another name" if gone else "new, and most of it stands in `words.py` now"
    assert f"- `formatting.py` ({stat})" in words
