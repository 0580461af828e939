"""Parts a commit by its tests: a release that changed much is a task for each test module that decides a part of it."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from onbox.bench.history.runners import Kind

T = TypeVar("T")

SMALL_PLACES = 12
"""A commit of no more places is one task, however many test files it touches."""
MANY_TESTS = 12
"""A test module of which more tests fail before is parted by its classes."""
TASKS_MAX = 5
"""Of one commit."""
GROUPS_MAX = 10
"""Of one commit that are looked at."""


@dataclass(frozen=True)
class TestGroup:
    """Tests of a commit that decide a task.

    Args:
        title: what they are about; empty for all of the commit's.
        targets: their files.
        fail_to_pass: their ids.
        least: the least part of the commit for which they pass, where it is known.
    """

    title: str
    targets: tuple[str, ...]
    fail_to_pass: frozenset[str]
    least: Mapping[str, bytes] | None = None


def groups(kind: Kind, targets: Sequence[str], fail_to_pass: Collection[str], places: int) -> list[TestGroup]:
    """One group, or several where the commit is large and its tests can be told apart.

    Args:
        kind: the runner; ids of tests are known to hold their module for pytest and unittest.
        targets: the test files that the commit touches.
        fail_to_pass: ids of the tests that fail before and pass after.
        places: in which the commit changes code.
    """
    everything = TestGroup("", tuple(targets), frozenset(fail_to_pass))
    by_file: dict[str, set[str]] = {}
    for name in fail_to_pass:
        file = file_of(name, targets)
        if file is None or kind not in ("pytest", "unittest"):
            return [everything]
        by_file.setdefault(file, set()).add(name)
    found = []
    for file, names in sorted(by_file.items()):
        by_class: dict[str, set[str]] = {}
        for name in names:
            by_class.setdefault(_class_of(name, file), set()).add(name)
        stem = file.rpartition("/")[2].removesuffix(".py").removeprefix("test_")
        if len(names) > MANY_TESTS and len(by_class) > 1:
            found += [
                TestGroup(f"{stem}-{title}" if title else stem, (file,), frozenset(some))
                for title, some in sorted(by_class.items())
            ]
        else:
            found.append(TestGroup(stem, (file,), frozenset(names)))
    if places <= SMALL_PLACES:
        return [everything]
    # Those that fewest tests decide are the smallest pieces of work.
    return sorted(found, key=lambda group: (len(group.fail_to_pass), group.title))[:GROUPS_MAX]


def in_turn(found: Sequence[Iterator[T]]) -> Iterator[T]:
    """One of each, then the next of each, until none has more."""
    left = list(found)
    while left:
        for one in list(left):
            try:
                yield next(one)
            except StopIteration:
                left.remove(one)


def bare_name(name: str) -> str:
    """The function of a test's id, without the values that it is called with."""
    return re.split(r"::|\.", name.partition("[")[0])[-1]


def file_of(name: str, targets: Collection[str]) -> str | None:
    """The file of a test; None where its id does not tell."""
    for target in targets:
        parts = target.removesuffix(".py").split("/")
        for begin in range(len(parts)):
            dotted = ".".join(parts[begin:])
            if name.startswith((f"{dotted}.", f"{dotted}::")):
                return target
    return None


def _class_of(name: str, file: str) -> str:
    """The class of a test; empty for a function of the module."""
    head = name.partition("::")[0] if "::" in name else name.rpartition(".")[0]
    stem = file.rpartition("/")[2].removesuffix(".py")
    return head.rpartition(f"{stem}.")[2] if f"{stem}." in head else ""
