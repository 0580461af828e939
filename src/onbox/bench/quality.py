"""Beyond passed or failed: how large a change was beside the reference, and what it broke that could be read."""

import json
import threading
import tomllib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onbox.bench import lint, scripts
from onbox.bench.audit.subject import AuditSubject
from onbox.bench.diff import changed_files, changes
from onbox.bench.sandbox import Sandbox
from onbox.bench.tasks import Task
from onbox.bench.workspace import snapshot
from onbox.evidence.records import Changes
from onbox.scratch import scratch_folder

PARSED_BYTES_MAX = 512 * 1024


@dataclass(frozen=True)
class ParseResult:
    """What became of the files that a run changed, in the languages that can be parsed.

    Args:
        broken: cannot be parsed, and could before, or are new.
        unread: nothing here can parse them; nobody knows.
        lint: what a linter says of those of Python that it did not say before, as `name: words`.
    """

    broken: tuple[str, ...]
    unread: tuple[str, ...]
    lint: tuple[str, ...] = ()


def parse_changed(before: Path, after: Path, sandbox: Sandbox) -> ParseResult:
    """Parse the changed or new files of Python, JSON, TOML, JavaScript and TypeScript.

    Args:
        before: the workspace as the agent got it.
        after: what it left.
        sandbox: where node runs, which parses the last two.

    Raises:
        BoxError: the sandbox could not start.
    """
    names = [name for name in changed_files(before, after) if Path(name).suffix in {*PARSERS, *scripts.SUFFIXES}]
    now = _parse(after, names, sandbox)
    was = _parse(before, [name for name in now.broken if (before / name).is_file()], sandbox)
    linted = [name for name in names if name.endswith(lint.SUFFIX) and name not in {*now.broken, *now.unread}]
    return ParseResult(
        broken=tuple(name for name in now.broken if name not in was.broken),
        unread=now.unread,
        lint=tuple(f"{name}: {words}" for name in linted for words in lint.complaints(before / name, after / name)),
    )


def _parse(root: Path, names: Sequence[str], sandbox: Sandbox) -> ParseResult:
    """The files of one workspace; a name that is no file, or a link, is left out."""
    files = [name for name in names if (root / name).is_file() and not (root / name).is_symlink()]
    large = {name for name in files if (root / name).stat().st_size > PARSED_BYTES_MAX}
    small = [name for name in files if name not in large]
    of_node = [name for name in small if Path(name).suffix in scripts.SUFFIXES]
    broken, unread = scripts.parse(root, of_node, sandbox) if of_node else (set[str](), set[str]())
    broken |= {name for name in small if name not in of_node and not _parses(root / name)}
    return ParseResult(tuple(sorted(broken)), tuple(sorted(unread | large)))


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
        with scratch_folder("reference") as scratch:
            subject = AuditSubject(task, self._sandbox, scratch)
            solved, after = subject.oracle(), scratch / "after"
            if solved.fault:
                return None
            snapshot(solved.app, after)
            return changes(subject.fresh(), after)


def _python(text: str) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(text, "", "exec", dont_inherit=True)


PARSERS: dict[str, Callable[[str], Any]] = {".py": _python, ".json": json.loads, ".toml": tomllib.loads}


def _parses(path: Path) -> bool:
    try:
        PARSERS[path.suffix](path.read_text("utf-8"))
    except (ValueError, SyntaxError, RecursionError, MemoryError, OverflowError, SystemError):
        return False
    return True
