"""What one run of the tests showed need not be shown again by another: `--record=FILE`, `--except-passed=FILE`.

CI runs `make test` where the parts are hidden, and then all tests. A test is left out of the second run if it passed
in the first, and neither it nor another of its file looked for a program that was hidden or started onbox as a process,
which may have looked. All others run: what was skipped, what failed, what the first run did not choose.

With the equals sign: pytest takes a file that is there and stands alone for one of tests.
"""

import itertools
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

import pytest

HIDDEN = frozenset(("busybox", "bwrap", "podman", "chromium", "node", "docker", "dockerd"))
"""The programs that `.ci/without all` hides."""

ID = pytest.StashKey[str]()
"""A test's id without the group that pytest-xdist puts behind it."""


_ID, _LOOKED_FOR = "id", "looked_for"


class Recorder:
    """Writes a line of JSON for each test: its id, outcome, seconds, and whether it looked for a hidden program."""

    def __init__(self, config: pytest.Config, file: Path) -> None:
        self._file = file
        self._looked: set[str] = set()
        self._seconds: dict[str, float] = {}
        self._outcomes: dict[str, str] = {}
        # With workers they run the tests, and this process alone gets the reports of all.
        self._watches = hasattr(config, "workerinput") or not config.getoption("numprocesses", None)
        self._writes = not hasattr(config, "workerinput")
        if self._writes:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("")
        if self._watches:
            watch_for_hidden(self._looked.add)

    def pytest_collection_finish(self) -> None:
        """What was looked for while test files were imported belongs to no test."""
        self._looked.clear()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Put what this process alone knows into the report."""
        if call.when == "setup":
            item.user_properties.append((_ID, item.stash[ID]))
        if self._looked:
            item.user_properties.append((_LOOKED_FOR, sorted(self._looked)))
            self._looked.clear()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a report; after the last of a test write its line."""
        if not self._writes:
            return
        properties = [(key, value) for key, value in report.user_properties if isinstance(key, str)]
        name = next((str(value) for key, value in properties if key == _ID), report.nodeid)
        self._seconds[name] = self._seconds.get(name, 0.0) + report.duration
        if report.outcome != "passed" or name not in self._outcomes:
            self._outcomes[name] = report.outcome
        if report.when == "teardown":
            looked = {str(each) for key, names in properties if key == _LOOKED_FOR for each in names}  # type: ignore[attr-defined]
            self._write(name, self._outcomes.pop(name), looked)

    def pytest_sessionfinish(self) -> None:
        """A test whose worker died has no last report."""
        if self._writes:
            for name in self._outcomes:
                self._write(name, "failed", ())

    def _write(self, name: str, outcome: str, looked: Iterable[str]) -> None:
        line = {
            "test": name,
            "outcome": outcome,
            "seconds": round(self._seconds.pop(name), 3),
            "looked_for": sorted(looked),
        }
        with self._file.open("a") as out:
            out.write(json.dumps(line) + "\n")


def failed(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """The tests of a record that failed, or never came to their end."""
    return [line["test"] for line in lines if line["outcome"] == "failed"]


def watch_for_hidden(found: Callable[[str], object]) -> None:
    """Call `found` with the name of each hidden program that this process looks for or starts, for good."""
    which = shutil.which

    def watched(cmd: Any, *arguments: Any, **options: Any) -> Any:
        if (name := PurePath(os.fsdecode(cmd)).name) in HIDDEN:
            found(name)
        return which(cmd, *arguments, **options)

    def started(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen":
            for name in hidden_in(arguments[0], arguments[1]):
                found(name)

    shutil.which = watched
    sys.addaudithook(started)


def hidden_in(executable: Any, argv: Any) -> list[str]:
    """What a command may need of the hidden programs: their names, or `onbox`, which may look for any of them."""
    words = [os.fsdecode(word) for word in ([argv] if isinstance(argv, str | bytes | os.PathLike) else argv)]
    names = {PurePath(os.fsdecode(word)).name for word in (executable, *words[:1]) if word}
    found = sorted(names & HIDDEN)
    runs_onbox = "onbox" in names or any(
        (flag == "-m" and word == "onbox") or (flag == "-c" and "onbox" in word)
        for flag, word in itertools.pairwise(words)
    )
    return [*found, "onbox"] if runs_onbox else found


def settled(lines: Iterable[Mapping[str, Any]]) -> set[str]:
    """The tests of a record that another run need not repeat."""
    lines = list(lines)
    unsettled = {file_of(line["test"]) for line in lines if line["looked_for"]}
    return {line["test"] for line in lines if line["outcome"] == "passed" and file_of(line["test"]) not in unsettled}


def file_of(test: str) -> str:
    """The file that a test's id begins with."""
    return test.partition("::")[0]


def leave_out(config: pytest.Config, items: list[pytest.Item], record: Path) -> None:
    """Take the tests that `record` settles from `items`; they count as deselected.

    Raises:
        pytest.UsageError: the record is not there, or is no record.
    """
    try:
        done = settled(json.loads(line) for line in record.read_text().splitlines())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise pytest.UsageError(f"--except-passed {record}: {error}") from error
    left_out = [item for item in items if item.stash[ID] in done]
    items[:] = [item for item in items if item.stash[ID] not in done]
    config.hook.pytest_deselected(items=left_out)
