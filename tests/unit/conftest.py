"""A unit test is one process: one that starts a program fails, for its place is tests/programs.

Not so one that is marked: it is slow and `make test` leaves it out, or it holds what is written here against another's
program, beside the tests of the same thing.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.parts import PARTS_BY_MARKER

QUESTIONS = frozenset(("--version", "--help", "version", "info", "ps"))
"""What the box is asked for in passing, and may lack: docker, podman, bubblewrap, an engine's version."""
STARTS = frozenset(("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system"))

MARKED = ("slow", *PARTS_BY_MARKER)

_started: list[str] = []


def _watch(event: str, arguments: Sequence[Any]) -> None:
    if event in STARTS and not (event == "subprocess.Popen" and _is_question(arguments[1])):
        _started.append(f"{event} {arguments[1]!r:.200}" if event == "subprocess.Popen" else event)


def _is_question(argv: Any) -> bool:
    words = [] if isinstance(argv, str | bytes | os.PathLike) else [os.fsdecode(word) for word in argv]
    return len(words) > 1 and words[1] in QUESTIONS


sys.addaudithook(_watch)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup() -> Iterator[None]:
    """Begin with none."""
    _started.clear()
    yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Fail a test that started a program, its fixtures included."""
    started = [*_started]
    yield
    if started and not any(map(item.get_closest_marker, MARKED)):
        pytest.fail(f"a unit test starts no program; its place is tests/programs: {started[0]}", pytrace=False)
