"""Beyond passed or failed: how large a change was beside the reference, and what it broke that could be read."""

import ast
import json
import tempfile
import threading
import tomllib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from onbox.bench.audit.subject import Subject
from onbox.bench.diff import changed_files, changes
from onbox.bench.sandbox import Sandbox
from onbox.bench.tasks import Task
from onbox.bench.workspace import snapshot
from onbox.evidence.records import Changes

PARSED_BYTES_MAX = 512 * 1024


def broken_files(before: Path, after: Path) -> tuple[str, ...]:
    """The changed or new files of Python, JSON and TOML that cannot be parsed and were not so before.

    Args:
        before: the workspace as the agent got it.
        after: what it left.
    """
    return tuple(
        name
        for name in changed_files(before, after)
        if (parse := PARSERS.get(Path(name).suffix)) and not _parses(after / name, parse)
        if not (before / name).is_file() or _parses(before / name, parse)
    )


class References:
    """How much the reference solution of each task changes; each is asked for once.

    Args:
        sandbox: where solutions run.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._known: dict[str, Changes | None] = {}
        self._asking = threading.Lock()

    def of(self, task: Task) -> Changes | None:
        """Files and lines that the task's `solve.sh` changes; None where it has none, or it fails."""
        with self._asking:
            if task.sha256 not in self._known:
                self._known[task.sha256] = self._solve(task)
            return self._known[task.sha256]

    def _solve(self, task: Task) -> Changes | None:
        if task.needs_docker:
            return None
        with tempfile.TemporaryDirectory(prefix="onbox-reference-") as scratch:
            subject = Subject(task, self._sandbox, Path(scratch))
            solved, after = subject.oracle(), Path(scratch, "after")
            if solved.fault:
                return None
            snapshot(solved.app, after)
            return changes(subject.fresh(), after)


def _python(text: str) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


PARSERS: dict[str, Callable[[str], Any]] = {".py": _python, ".json": json.loads, ".toml": tomllib.loads}


def _parses(path: Path, parse: Callable[[str], Any]) -> bool:
    """Whether a file can be parsed; one that is too large to be tried counts as if it could."""
    if not path.is_file() or path.stat().st_size > PARSED_BYTES_MAX:
        return True
    try:
        parse(path.read_text("utf-8"))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False
    return True
