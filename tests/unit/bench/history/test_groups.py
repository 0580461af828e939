"""A large commit is parted by the tests that decide, and a small one is not."""

import ast

import pytest

from onbox.bench.history.groups import GROUPS_MAX, bare_name, file_of, groups, in_turn
from onbox.bench.history.instruction import CodeStates, HiddenTests, instruction
from onbox.bench.history.interface import documented, signatures

MODULES = ["pkg/tests/test_one.py", "pkg/tests/test_two.py"]


def test_a_small_commit_is_one_task() -> None:
    names = ["pkg.tests.test_one::test_a", "pkg.tests.test_two::test_b"]
    (group,) = groups("pytest", MODULES, names, places=3)
    assert (group.title, group.targets, group.fail_to_pass) == ("", tuple(MODULES), frozenset(names))


def test_a_large_commit_is_a_task_for_each_test_module() -> None:
    names = ["pkg.tests.test_one.Class::test_a", "pkg.tests.test_one::test_c", "pkg.tests.test_two::test_b"]
    found = groups("pytest", MODULES, names, places=200)
    assert [(group.title, group.targets, sorted(group.fail_to_pass)) for group in found] == [
        ("two", (MODULES[1],), names[2:]),
        ("one", (MODULES[0],), names[:2]),
    ]


def test_a_module_of_many_tests_is_parted_by_its_classes() -> None:
    names = [f"test_more.{name}::test_{n}" for name in ("First", "Second") for n in range(9)]
    found = groups("pytest", ["tests/test_more.py"], names, places=200)
    assert [(group.title, len(group.fail_to_pass)) for group in found] == [("more-First", 9), ("more-Second", 9)]
    plain = [f"tests.test_more.{name}.test_{n}" for name in ("First", "Second") for n in range(9)]
    assert [group.title for group in groups("unittest", ["tests/test_more.py"], plain, places=200)] == [
        "more-First",
        "more-Second",
    ]


def test_of_one_commit_only_so_many_groups_are_looked_at() -> None:
    files = [f"tests/test_{n}.py" for n in range(20)]
    assert len(groups("pytest", files, [f"tests.test_{n}::test" for n in range(20)], places=500)) == GROUPS_MAX


@pytest.mark.parametrize(("kind", "name"), [("go", "pkg.TestA"), ("pytest", "elsewhere::test_a")])
def test_tests_that_cannot_be_distinguished_stay_together(kind: str, name: str) -> None:
    (group,) = groups(kind, MODULES, [name, "pkg.tests.test_two::test_b"], places=500)  # type: ignore[arg-type]
    assert group.title == ""


def test_groups_take_turns() -> None:
    assert list(in_turn([iter("abc"), iter(""), iter("12")])) == ["a", "1", "b", "2", "c"]


def test_the_name_of_a_test_is_its_function() -> None:
    assert bare_name("tests.test_one.Class::test_a[1.5::x]") == "test_a"
    assert bare_name("tests.test_one.Class.test_b") == "test_b"


def test_the_file_of_a_test() -> None:
    assert file_of("pkg.tests.test_one.Class::test_a", MODULES) == MODULES[0]
    assert file_of("test_two.Class.test_a", MODULES) == MODULES[1]
    assert file_of("test_on::test_a", MODULES) is None


OLD = {"pkg/one.py": b'def one(a):\n    """Counts."""\n    return len(a)\n', "CHANGES.md": b"# 1.0\n"}
NEW = {
    "pkg/one.py": (
        b'def one(a, start=0):\n    """Counts.\n\n    Begins with `start`.\n    """\n    return len(a) + start\n\n\n'
        b'def two(a, *, deep=False):\n    """All of one, twice."""\n    return SECRET * one(a)\n'
    ),
    "CHANGES.md": b"# 1.1\n- one takes a start\n- six is faster\n# 1.0\n",
}
STATES = CodeStates(OLD, NEW, NEW)


def test_the_interface_is_reported_and_the_body_is_not() -> None:
    assert signatures(["two", "three"], NEW) == {"two": "two(a, *, deep=False)"}
    assert documented(OLD, NEW, NEW) == ["- `one`: Begins with `start`.", "- `two`: All of one, twice."]
    # What the solution does not touch is not told.
    assert documented(OLD, {**NEW, "pkg/one.py": OLD["pkg/one.py"]}, NEW) == []


def test_a_module_that_does_not_load_says_why_for_each_of_its_tests() -> None:
    why = {"tests.test_one": "ImportError: cannot import name 'two' from 'pkg.one'"}
    failing = ["tests.test_one.Class::test_two"]
    files = {"tests/test_one.py": b""}
    text = instruction("Twice", STATES, HiddenTests(files, ["tests/test_one.py"], failing, "pytest", why))
    assert "`tests.test_one.Class::test_two`: `ImportError: cannot import name 'two' from 'pkg.one'`" in text


def test_of_tests_that_fail_in_the_same_way_few_are_listed_those_about_the_new_first() -> None:
    files = {"tests/test_one.py": b"from pkg.one import two\n"}
    failing = [f"tests.test_one::test_{n}" for n in range(20)] + [
        "tests.test_one::test_two",
        "tests.test_other::test_x",
    ]
    why = {"tests.test_one": "ImportError: cannot import name 'two'", "tests.test_other::test_x": "TypeError: no start"}
    text = instruction("Twice", STATES, HiddenTests(files, ["tests/test_one.py"], failing, "pytest", why))
    listed = [line for line in text.splitlines() if line.startswith(("- `tests", "- and"))]
    assert listed == [
        "- `tests.test_one::test_two`: `ImportError: cannot import name 'two'`",
        "- `tests.test_one::test_0`: `ImportError: cannot import name 'two'`",
        "- `tests.test_one::test_1`: `ImportError: cannot import name 'two'`",
        "- and 18 more that fail in the same way",
        "- `tests.test_other::test_x`: `TypeError: no start`",
    ]
    text = instruction("Twice", STATES, HiddenTests(files, ["tests/test_one.py"], failing[:20], "pytest"))
    assert text.count("- `tests.test_one") == 12
    assert "- and 8 more\n" in text


def test_a_part_of_a_release_is_asked_for_as_a_part() -> None:
    tests = {"tests/test_one.py": b"from pkg.one import two\n", "tests/test_six.py": b"six\n"}
    why = {"tests.test_one::test_start": "TypeError: one() got an unexpected keyword argument 'start'"}
    failing = ["tests.test_one::test_two", "tests.test_one::test_start"]
    deciding = HiddenTests(tests, ["tests/test_one.py"], failing, "pytest", why)
    text = instruction("Release of the spring", STATES, deciding, part=True)
    assert "- one takes a start" in text
    assert "six" not in text
    assert "Only a part of it is wanted" in text
    deciding = HiddenTests(tests, ["tests/test_one.py"], failing[1:], "pytest")
    notes = instruction("1.1", STATES, deciding, part=True)
    assert "Only a part of it is wanted" in notes
    assert "`two(a, *, deep=False)`" in text
    assert "`tests.test_one::test_start`: `TypeError: one() got an unexpected keyword argument 'start'`" in text
    assert "SECRET" not in text
    assert ast.parse(NEW["pkg/one.py"])
