"""A large commit is parted into pieces of work: the least part for one test, and all tests which that part passes."""

from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from onbox.bench.history import groups, reduce
from onbox.bench.history.deciding_tests import DecidingTests, DropError
from onbox.bench.history.pieces import CommitChange, pieces
from onbox.bench.history.repository import Commit
from onbox.bench.history.runners import Kind, Suite, SuiteRun
from tests.unit.bench.history.scripted import ScriptedWorker, SuiteRequest, run_of

TARGET = "tests/test_one.py"
LINES = 8
OLD = {"one.py": b"".join(b"old %d\nkeep %d\n" % (n, n) for n in range(LINES)), "README.md": b"a\n"}
NEW = {"one.py": OLD["one.py"].replace(b"old", b"new"), "README.md": b"b\n"}


def change(needs: Mapping[str, Collection[int]], kind: Kind = "pytest") -> tuple[CommitChange, ScriptedWorker]:
    """A commit of which each test needs some lines to be new."""

    def answer(request: SuiteRequest) -> SuiteRun:
        there = (request.files.get("one.py") or b"").decode()
        shown = [name for name in needs if not request.only or name in request.only]
        passed = [name for name in shown if all(f"new {line}\n" in there for line in needs[name])]
        return run_of(passed, [name for name in shown if name not in passed])

    worker = ScriptedWorker(answer)
    suite = Suite(kind, (TARGET,), {TARGET: b""}, (), ("one.py", TARGET))
    deciding = DecidingTests(frozenset(needs), frozenset(), {}, 5.0)
    before = {name: (content, False) for name, content in OLD.items()}
    commit = Commit("c0ffee", ("parent",), 0, "many things", ())
    return CommitChange(commit, before, OLD, NEW, suite, worker, deciding, Path("unused")), worker


def test_each_piece_is_the_least_part_of_one_test_with_all_tests_that_it_passes() -> None:
    needs = {"tests.test_one::test_a": [1], "tests.test_one::test_b[1]": [1], "tests.test_one::test_c": [2, 5]}
    some, _ = change(needs)
    found = list(pieces(some, groups.TestGroup("one", (TARGET,), frozenset(needs))))
    assert [(piece.title, sorted(piece.fail_to_pass)) for piece in found if isinstance(piece, groups.TestGroup)] == [
        ("one-test_a", ["tests.test_one::test_a", "tests.test_one::test_b[1]"]),
        ("one-test_c", ["tests.test_one::test_c"]),
    ]
    parts = [piece.least for piece in found if isinstance(piece, groups.TestGroup)]
    assert parts[0] == {**OLD, "one.py": OLD["one.py"].replace(b"old 1", b"new 1")}
    assert parts[1] == {**OLD, "one.py": OLD["one.py"].replace(b"old 2", b"new 2").replace(b"old 5", b"new 5")}


def test_a_piece_that_passes_the_whole_group_has_its_name() -> None:
    needs = {"tests.test_one::test_a": [1], "tests.test_one::test_b": [1]}
    some, _ = change(needs)
    (piece,) = pieces(some, groups.TestGroup("one", (TARGET,), frozenset(needs)))
    assert isinstance(piece, groups.TestGroup)
    assert (piece.title, piece.fail_to_pass) == ("one", frozenset(needs))


@pytest.mark.parametrize(("title", "kind"), [("", "pytest"), ("one", "go")])
def test_what_cannot_or_need_not_be_parted_is_one_piece(title: str, kind: Kind) -> None:
    needs = {"tests.test_one::test_a": [1], "tests.test_one::test_b": [2]}
    some, worker = change(needs, kind)
    group = groups.TestGroup(title, (TARGET,), frozenset(needs))
    assert list(pieces(some, group)) == [group]
    assert worker.requests == []


def test_a_test_whose_part_is_not_found_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduce, "TRIES_MAX", 12)
    needs = {"tests.test_one::test_a": range(LINES), "tests.test_one::test_b": [0]}
    some, _ = change(needs)
    first, second = pieces(some, groups.TestGroup("one", (TARGET,), frozenset(needs)))
    assert isinstance(first, DropError)
    assert "too many places" in str(first)
    assert isinstance(second, groups.TestGroup)
    assert second.fail_to_pass == {"tests.test_one::test_b"}


def test_words_of_a_commit_are_left_out_at_once_and_no_state_runs_twice() -> None:
    needs = {"tests.test_one::test_a": [3]}
    some, worker = change(needs)
    least = some.least(list(needs), [TARGET], list(needs))
    assert least["README.md"] == OLD["README.md"]
    assert all(request.files["README.md"] == OLD["README.md"] for request in worker.requests)
    tried = [request.files["one.py"] for request in worker.requests]
    assert len(tried) == len(set(tried))
    before = len(tried)
    assert some.least(list(needs), [TARGET], list(needs)) == least
    assert len(worker.requests) == before


def test_words_that_a_test_reads_are_kept() -> None:
    some, worker = change({"tests.test_one::test_a": []})
    one = "tests.test_one::test_a"

    def answer(request: SuiteRequest) -> SuiteRun:
        reads = request.files["README.md"] == b"b\n"
        return run_of([one] if reads else [], [] if reads else [one])

    worker._answer = answer
    assert some.least([one], [TARGET], [one]) == {**OLD, "README.md": b"b\n"}


def test_a_run_without_a_result_is_asked_again() -> None:
    needs = {"tests.test_one::test_a": [0]}
    some, worker = change(needs)
    answer, lost = worker._answer, [SuiteRun({}, "its run ended without a result", 0.1)]
    worker._answer = lambda request: lost.pop() if lost else answer(request)
    assert some.passes(NEW, [TARGET]) == frozenset()
    assert some.passes(NEW, [TARGET]) == frozenset(needs)
    assert some.passes(NEW, [TARGET]) == frozenset(needs)
    assert len(worker.requests) == 2
