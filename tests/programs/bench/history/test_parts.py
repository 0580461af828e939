"""The parts of a task of history: what is left of a commit, what is said of it, what a path is for."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onbox.bench.agents.headless import _undisturbed
from onbox.bench.history.instruction import CodeStates, HiddenTests, changelog, instruction, prose, says_little
from onbox.bench.history.interface import new_names
from onbox.bench.history.paths import is_code, is_set_up, is_test
from onbox.bench.history.reduce import TooMuchError, applied, places, reduced
from onbox.bench.history.runners import Suite, kind_of, observe, targets_of
from onbox.bench.sandbox.choose import choose

BEFORE = {"a.py": b"one\ntwo\nthree\nfour\n", "gone.py": b"x\n"}
AFTER = {"a.py": b"ONE\ntwo\nthree\nFOUR\n", "new.py": b"y\n"}


def test_all_places_make_the_whole_change() -> None:
    found = places(BEFORE, AFTER)
    assert [(place.name, place.number) for place in found] == [
        ("a.py", 0),
        ("a.py", 1),
        ("gone.py", -1),
        ("new.py", -1),
    ]
    assert applied(BEFORE, AFTER, found) == AFTER
    assert applied(BEFORE, AFTER, []) == BEFORE
    assert applied(BEFORE, AFTER, found[1:2])["a.py"] == b"one\ntwo\nthree\nFOUR\n"


def test_what_is_not_needed_is_left_out() -> None:
    least = reduced(BEFORE, AFTER, lambda files: b"FOUR" in files["a.py"] and "new.py" in files)
    assert least == {"a.py": b"one\ntwo\nthree\nFOUR\n", "gone.py": b"x\n", "new.py": b"y\n"}


LINES = 10
MANY_OLD = {name: b"".join(b"old %d\nkeep %d\n" % (n, n) for n in range(LINES)) for name in ("a.py", "b.py")}
MANY_NEW = {name: content.replace(b"old", b"new") for name, content in MANY_OLD.items()}


def lines_of(files: Mapping[str, bytes]) -> set[tuple[str, int]]:
    """The lines that are new."""
    return {(name, n) for name, content in files.items() for n in range(LINES) if b"new %d\n" % n in content}


@given(st.sets(st.tuples(st.sampled_from(["a.py", "b.py"]), st.integers(0, LINES - 1)), min_size=1))
@settings(max_examples=40)
def test_what_is_left_is_what_is_needed_and_nothing_else(needed: set[tuple[str, int]]) -> None:
    assert lines_of(reduced(MANY_OLD, MANY_NEW, lambda files: needed <= lines_of(files))) == needed


def test_a_file_goes_that_could_not_while_a_place_of_another_needed_it() -> None:
    """Neither of the two places of b.py can go without the other, and both not before one of a.py."""

    def works(files: Mapping[str, bytes]) -> bool:
        there = lines_of(files)
        both = {("b.py", 1), ("b.py", 2)}
        return ("a.py", 1) in there and len(both & there) != 1 and (("a.py", 2) not in there or both <= there)

    assert lines_of(reduced(MANY_OLD, MANY_NEW, works)) == {("a.py", 1)}


def test_a_commit_of_too_many_places_is_given_up() -> None:
    # Lines that are all unlike: difflib takes a minute for as many that are alike.
    before = {"a.py": b"".join(b"%d\nkeep %d\n" % (n, n) for n in range(200))}
    after = {"a.py": b"".join(b"%d!\nkeep %d\n" % (n, n) for n in range(200))}
    with pytest.raises(TooMuchError):
        reduced(before, after, lambda files: files == after)


@pytest.mark.parametrize(
    ("path", "test", "set_up", "code"),
    [
        ("tests/data/a.json", True, False, False),
        ("pkg/test_a.py", True, False, False),
        ("conftest.py", True, False, False),
        ("pkg/a_test.go", True, False, False),
        ("src/a.spec.ts", True, False, False),
        ("src/testing.py", False, False, True),
        ("src/latest.py", False, False, True),
        ("pyproject.toml", False, True, False),
        ("go.mod", False, True, False),
        ("README.md", False, False, False),
        ("CHANGES.rst", False, False, False),
        ("docs/conf.py", False, False, False),
        ("src/a.rs", False, False, True),
        ("logo.png", False, False, False),
    ],
)
def test_what_a_path_is_for(path: str, test: bool, set_up: bool, code: bool) -> None:
    assert (is_test(path), is_set_up(path) and not is_test(path), is_code(path)) == (test, set_up, code)


def test_the_message_without_code_and_trailers() -> None:
    text = prose(
        "Mend the reader (#4)\n\nIt lost a line.\n\n    x = 1\n+y = 2\nSee https://example.org/1\nCc: a@b.org\n"
    )
    assert text == "Mend the reader\n\nIt lost a line."
    assert prose("v1.2.3") == ""
    assert prose("toolz 0.12.0") == ""
    assert says_little("release 2.0", {}, {})
    assert not says_little(
        "release 2.0", {"CHANGES": b"old\n"}, {"CHANGES": b"2.0\n---\nKeep the last empty line\nold\n"}
    )


def test_the_changelog_is_quoted_without_its_headings() -> None:
    assert (
        changelog({"CHANGES.md": b"old\n"}, {"CHANGES.md": b"## 2.0 (2020-01-02)\n\n- Keep it\nold\n"}) == "- Keep it"
    )


def test_dates_and_links_of_a_changelog_are_no_news() -> None:
    new = b"## 26.1.0\n\n_(July 17, 2026)_\n\n- Keep [`it`][a.it]\n[a.it]: http://example.org/a.html#it\nold\n"
    assert changelog({"CHANGES.md": b"old\n"}, {"CHANGES.md": new}) == "- Keep [`it`][a.it]"


def test_an_entry_of_a_changelog_is_whole_or_left_out() -> None:
    old = b"# News\n\n- A reader that\n  waits.\n- A writer.\n  * Its buffer.\n"
    new = b"# News\n\n- A reader that\n  waits no more\n  than a second.\n- A writer.\n  * Its buffer.\n  * Its pace.\n"
    news = changelog({"NEWS.md": old}, {"NEWS.md": new})
    assert news == "- A reader that\n  waits no more\n  than a second.\n  * Its pace."
    test = {"tests/test_a.py": b""}
    before, least = {"NEWS.md": old, "a.py": b"x = 1\n"}, {"NEWS.md": old, "a.py": b"x = 2\n"}
    after = {**least, "NEWS.md": new}

    def instruction_for(test_name: str) -> str:
        ids = [f"tests.test_a::{test_name}"]
        return instruction(
            "Much", CodeStates(before, after, least), HiddenTests(test, list(test), ids, "pytest"), part=True
        )

    assert "- A reader that\n  waits no more\n  than a second." in instruction_for("test_second")
    assert "than a second" not in instruction_for("test_pace")


def test_a_method_that_python_calls_is_not_reported() -> None:
    after = {"a.py": b"class Kept:\n    def __reduce__(self):\n        pass\n\n    def part(self):\n        pass\n"}
    assert new_names({"a.py": b""}, after, {"test_a.py": b"Kept().part(); Kept().__reduce__()"}) == ["Kept", "part"]


def test_new_names_that_tests_use_are_reported() -> None:
    before = {"a.py": b"def one():\n    pass\n"}
    after = {"a.py": b"def one():\n    pass\n\n\ndef two():\n    pass\n\n\ndef _three():\n    pass\n"}
    assert new_names(before, after, {"test_a.py": b"from a import one, two\n"}) == ["two"]


def test_tests_that_do_not_end_are_distinguished_from_tests_that_fail(tmp_path: Path) -> None:
    test = "import time, unittest\n\n\nclass One(unittest.TestCase):\n    def test_one(self):\n        time.sleep({})\n"
    ends = []
    for seconds in (60, 0):
        files = {"test_one.py": test.format(seconds).encode()}
        suite = Suite("unittest", ("test_one.py",), files, (), ("test_one.py",), timeout_s=8.0)
        ends.append(observe(suite, tmp_path, choose()))
    assert [end.timed_out for end in ends] == [True, False]
    assert [end.tests for end in ends] == [{}, {"test_one.One.test_one": "passed"}]


def test_an_agent_in_python_keeps_to_its_own_packages() -> None:
    assert _undisturbed(("/venv/bin/python3.12", "/venv/bin/mini")) == ("/venv/bin/python3.12", "-E", "/venv/bin/mini")
    assert _undisturbed(("/usr/bin/node", "/x/cli.js")) == ("/usr/bin/node", "/x/cli.js")
    assert _undisturbed(("/usr/bin/agent",)) == ("/usr/bin/agent",)


def test_the_projects_own_runner() -> None:
    plain = {"tests/test_a.py": "import unittest\n"}
    assert kind_of(["tests/test_a.py"], plain, pytest_is_there=True) == "unittest"
    configured = {**plain, "pyproject.toml": "[tool.pytest.ini_options]\n"}
    assert kind_of(["tests/test_a.py"], configured, pytest_is_there=True) == "pytest"
    assert kind_of(["tests/test_a.py"], configured, pytest_is_there=False) == "unittest"
    assert (
        kind_of(["a.test.ts"], {"package.json": '{"devDependencies": {"vitest": "1"}}'}, pytest_is_there=True)
        == "vitest"
    )
    assert kind_of(["a.test.js"], {"package.json": '{"scripts": {"test": "jest -i"}}'}, pytest_is_there=True) == "jest"
    assert kind_of(["a.test.mjs"], {"a.test.mjs": "from 'node:test'"}, pytest_is_there=True) == "node"
    assert kind_of(["a.test.mjs"], {"a.test.mjs": "mocha"}, pytest_is_there=True) is None
    assert kind_of(["a_test.go"], {}, pytest_is_there=True) == "go"
    assert kind_of(["tests/a.rs"], {}, pytest_is_there=True) == "cargo"
    assert targets_of(["tests/conftest.py", "tests/helper.py", "tests/test_a.py", "b_test.go", "tests/test_c.py"]) == [
        "tests/test_a.py",
        "tests/test_c.py",
    ]
