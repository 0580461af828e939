"""Goes through a repository's commits, and keeps as tasks those that came with tests which can decide."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from onbox.bench.audit import TaskAudit, audit
from onbox.bench.audit.admission import remember
from onbox.bench.diff import patch
from onbox.bench.history.environment import Sealed, seal
from onbox.bench.history.instruction import instruction, says_little
from onbox.bench.history.paths import is_code, is_set_up, is_test
from onbox.bench.history.reduce import TooMuchError, reduced
from onbox.bench.history.repository import EXECUTABLE, FILE, Commit, Entry, Repository, lay_out
from onbox.bench.history.runners import (
    NEEDS,
    REQUEST_BYTES_MAX,
    TESTS_S,
    Observed,
    Suite,
    kind_of,
    observe,
    targets_of,
)
from onbox.bench.history.writing import Draft, write_task
from onbox.bench.sandbox import Bind, Sandbox
from onbox.bench.sandbox.equipped import Equipped
from onbox.errors import UsageError
from onbox.scratch import scratch_folder
from onbox.trees import remove

FILES_MAX = 5_000
TREE_BYTES_MAX = 64 << 20
CHANGED_MAX = 40
"""Files of code that one commit changes; more is no task but a release."""
TESTS_MAX_S = 30.0
"""Of one run; the tests run some fifty times until a task is kept."""
SUITE_S = 2.5
"""All tests decide where they take no longer than this; else those that the commit touches."""
REPEATS = 2
"""Runs of the tests after the commit, beside the five of the audit: what passes only sometimes is left out."""


@dataclass(frozen=True)
class Kept:
    """A commit that became a task.

    Args:
        name: of the task.
        commit: its whole hash.
        committed_s: when, seconds since 1970.
        path: the task's folder.
        fail_to_pass: number of tests that fail before and pass after.
        says_little: neither message nor changelog says what was wanted.
    """

    name: str
    commit: str
    committed_s: int
    path: Path
    fail_to_pass: int
    says_little: bool


@dataclass(frozen=True)
class Dropped:
    """A commit that became none, and why."""

    commit: str
    why: str


class _DropError(Exception):
    """Why a commit makes no task."""


def mine(
    path: Path,
    target: Path,
    sandbox: Sandbox,
    *,
    commits: int,
    keep: int,
    environment: Path | None,
    tell: Callable[[str], None],
) -> Iterator[Kept | Dropped]:
    """Look at commits, newest first, until enough are kept.

    Args:
        path: the repository.
        target: a new folder for the tasks.
        sandbox: where the repository's tests run.
        commits: how many to look at.
        keep: how many tasks are enough.
        environment: a virtual environment, or a folder with `node_modules`; None: the repository's own.
        tell: called with a line for what takes time.

    Raises:
        UsageError: the repository, or the environment, cannot be used.
        BoxError: git is missing, or the sandbox could not start.
    """
    with scratch_folder("history") as scratch:
        repository = Repository(path, scratch)
        found = repository.commits(commits)
        if all(len(commit.parents) > 1 for commit in found):
            raise UsageError(f"{path}: holds no commit but merges", "give the repository that was merged")
        if all(not commit.parents for commit in found):
            why = "it is shallow: git fetch --unshallow" if repository.shallow else "commit a change to it"
            raise UsageError(f"{path}: one commit, and nothing before it", why)
        target.mkdir(parents=True, exist_ok=True)
        tree = repository.tree(repository.head)
        project, own = _project(repository, tree, path)
        sealed = seal(path, environment, project, own, target / ".environment")
        tell(f"environment: {sealed.source}")
        try:
            miner = _Miner(repository, sealed, sandbox, target, scratch, path.resolve().name, tell)
            kept = 0
            for commit in found:
                if kept >= keep:
                    return
                try:
                    task = miner.task(commit)
                except _DropError as why:
                    yield Dropped(commit.name, str(why))
                else:
                    kept += 1
                    yield task
        finally:
            remove(sealed.folder)


class _Miner:
    def __init__(
        self,
        repository: Repository,
        sealed: Sealed,
        sandbox: Sandbox,
        target: Path,
        scratch: Path,
        title: str,
        tell: Callable[[str], None],
    ) -> None:
        self._repository, self._sealed, self._tier = repository, sealed, sandbox
        self._sandbox = Equipped(sandbox, sealed.folder)
        self._target, self._scratch, self._tell = target, scratch, tell
        self._title = re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-").lower() or "history"
        self._programs: dict[str, bool] = {}
        self._whole_suite = True
        self._made = 0

    def task(self, commit: Commit) -> Kept:
        """The task that a commit makes.

        Raises:
            _DropError: it makes none.
        """
        _check(commit)
        try:
            return self._task(commit)
        except (UsageError, OSError, UnicodeError) as error:
            raise _DropError(getattr(error, "message", "") or f"its files cannot be laid out: {error}") from error

    def _task(self, commit: Commit) -> Kept:
        trees = [self._repository.tree(name) for name in (commit.parents[0], commit.name)]
        for tree in trees:
            size = sum(entry.size_bytes for entry in tree.values())
            if len(tree) > FILES_MAX or size > TREE_BYTES_MAX:
                raise _DropError(f"its tree has {len(tree)} files of {size >> 20} MiB, more than a task carries")
        blobs = {entry.blob for tree in trees for entry in tree.values() if entry.mode in (FILE, EXECUTABLE)}
        contents = self._repository.contents(blobs)
        before, after = (_files(tree, contents) for tree in trees)
        changed = [change.path for change in commit.changes if change.path]
        suite = self._suite(before, after, [name for name in changed if is_test(name)])
        code = [name for name in changed if not (is_test(name) or is_set_up(name))]
        old = {name: before[name][0] for name in code if name in before}
        new = {name: after[name][0] for name in code if name in after}
        self._tell(f"{commit.name[:10]} {commit.message.partition(chr(10))[0][:60]}")
        suite, first = self._after(suite, before, new, code)
        if first.timed_out or first.seconds > TESTS_MAX_S:
            raise _DropError(f"its tests take more than {TESTS_MAX_S:g} s")
        undone = self._run(suite, before, old, code)
        stable = set(first.passed)
        for _ in range(REPEATS - 1):
            stable &= self._run(suite, before, new, code).passed
        fail_to_pass = sorted(stable - undone.passed)
        if not fail_to_pass:
            why = "no test that fails before passes after"
            raise _DropError(why if stable else f"{why}: {_last(first.said)}")
        pass_to_pass = sorted(stable & undone.passed)
        wanted = frozenset(stable)
        try:
            least = reduced(old, new, lambda some: wanted <= self._run(suite, before, some, code).passed)
        except TooMuchError:
            raise _DropError("it changes too many places to find out which of them its tests need") from None
        kept_suite = replace(suite, timeout_s=max(10.0, min(TESTS_S, round(10 * first.seconds))))
        draft = Draft(
            name=self._name(commit),
            commit=commit,
            instruction=instruction(
                commit.message, old, new, least, suite.hidden, suite.targets, fail_to_pass, suite.kind
            ),
            app=before,
            solution=_changes(old, least),
            upstream=_changes(old, new),
            suite=kept_suite,
            fail_to_pass=fail_to_pass,
            pass_to_pass=pass_to_pass,
            exact=False,
            patch=self._patch(old, least),
        )
        path = self._admitted(draft)
        return Kept(
            draft.name, commit.name, commit.time_s, path, len(fail_to_pass), says_little(commit.message, old, new)
        )

    def _suite(
        self, before: Mapping[str, tuple[bytes, bool]], after: Mapping[str, tuple[bytes, bool]], touched: list[str]
    ) -> Suite:
        there = [name for name in touched if name in after]
        targets = targets_of(there)
        if not targets:
            # Data of tests, or their helpers: all tests of the project may be about it.
            targets = targets_of([name for name in after if is_test(name)])
        if not targets:
            raise _DropError("holds no test file that a known runner takes")
        texts = {name: after[name][0].decode("utf-8", "replace") for name in after if is_test(name) or is_set_up(name)}
        kind = kind_of(targets, texts, pytest_is_there=self._sealed.has_pytest)
        if kind is None:
            raise _DropError(f"no known runner for {targets[0]}")
        if kind == "pytest" and not self._sealed.has_pytest:
            raise _DropError("its tests need pytest, which is in no environment here: give one by --env")
        program = NEEDS.get(kind)
        if program and not self._has(program):
            raise _DropError(f"its tests need {program}, which is not in the sandbox")
        hidden = {name: content for name, (content, _) in after.items() if is_test(name) or is_set_up(name)}
        if sum(map(len, hidden.values())) * 4 // 3 > REQUEST_BYTES_MAX:
            raise _DropError("its tests are larger than a gate can hand over")
        own = tuple(sorted(name for name in before if is_test(name) or is_set_up(name)))
        return Suite(kind, tuple(targets), hidden, own, tuple(sorted({*before, *after})))

    def _after(
        self,
        suite: Suite,
        before: Mapping[str, tuple[bytes, bool]],
        new: Mapping[str, bytes],
        code: list[str],
    ) -> tuple[Suite, Observed]:
        """The tests that decide, and how they end after the commit: all of the project's, where they are quick."""
        every = tuple(targets_of(suite.hidden))
        if self._whole_suite and set(suite.targets) < set(every):
            whole = replace(suite, targets=every, timeout_s=3 * SUITE_S)
            end = self._run(whole, before, new, code)
            if end.passed and end.seconds <= SUITE_S:
                return replace(whole, timeout_s=TESTS_S), end
            self._whole_suite = False
        return suite, self._run(suite, before, new, code)

    def _run(
        self, suite: Suite, before: Mapping[str, tuple[bytes, bool]], changed: Mapping[str, bytes], code: list[str]
    ) -> Observed:
        """The tests on the tree before, with the files `code` as in `changed`."""
        files = {name: value for name, value in before.items() if name not in code}
        files |= {name: (content, before.get(name, (b"", False))[1]) for name, content in changed.items()}
        self._made += 1
        app = self._scratch / f"app-{self._made}"
        try:
            lay_out(app, files)
            app.mkdir(exist_ok=True)
            return observe(suite, app, self._sandbox)
        finally:
            remove(app)

    def _admitted(self, draft: Draft) -> Path:
        """The task on disk, after it has passed its audit."""
        path = self._target / draft.name
        for exact in (False, True):
            remove(path)
            task = write_task(replace(draft, exact=exact), path, self._sealed.folder)
            found = audit(task, self._tier)
            if found.passed:
                remember(task, self._tier, found)
                return path
            if not all(end.probe.startswith("rewritten") for end in found.missed):
                break
        remove(path)
        raise _DropError(f"fails its audit: {_complaint(found)}")

    def _patch(self, old: Mapping[str, bytes], new: Mapping[str, bytes]) -> str:
        folders = [self._scratch / name for name in ("old", "new")]
        for folder, files in zip(folders, (old, new), strict=True):
            remove(folder)
            folder.mkdir()
            lay_out(folder, {name: (content, False) for name, content in files.items()})
        return patch(*folders)

    def _name(self, commit: Commit) -> str:
        words = re.sub(r"[^a-z0-9]+", "-", commit.message.partition("\n")[0].lower()).strip("-")[:40].strip("-")
        return f"{self._title}-{commit.name[:8]}" + (f"-{words}" if words else "")

    def _has(self, program: str) -> bool:
        if program not in self._programs:
            word = "version" if program == "go" else "--version"
            here = {"HERE": Bind(Path(__file__).parent, "/here")}
            done = self._tier.run([program, word], binds=here, cwd="HERE", timeout_s=10)
            self._programs[program] = done.exit_code == 0
        return self._programs[program]


def _check(commit: Commit) -> None:
    """What can be seen of a commit before its tree is read."""
    if len(commit.parents) > 1:
        raise _DropError("a merge")
    if not commit.parents:
        raise _DropError("nothing before it")
    if any(change.path is None for change in commit.changes):
        raise _DropError("changes a file whose name is no plain text")
    paths = [change.path for change in commit.changes if change.path]
    if not any(is_test(path) for path in paths):
        raise _DropError("changes no tests")
    code = [path for path in paths if is_code(path)]
    if not code:
        raise _DropError("changes nothing but tests, set-up and words")
    if len(code) > CHANGED_MAX:
        raise _DropError(f"changes {len(code)} files of code, more than {CHANGED_MAX}")
    modes = {state[0] for change in commit.changes for state in (change.before, change.after) if state}
    if not modes <= {FILE, EXECUTABLE}:
        raise _DropError("changes links or submodules")


def _files(tree: Mapping[str, Entry], contents: Mapping[str, bytes]) -> dict[str, tuple[bytes, bool]]:
    """The regular files; a link could lead out of the workspace."""
    return {
        name: (contents[entry.blob], entry.mode == EXECUTABLE)
        for name, entry in tree.items()
        if entry.mode in (FILE, EXECUTABLE)
    }


def _changes(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> dict[str, bytes | None]:
    return {name: new.get(name) for name in sorted({*old, *new}) if old.get(name) != new.get(name)}


def _project(repository: Repository, tree: Mapping[str, Entry], path: Path) -> tuple[str, set[str]]:
    """The name of the repository's package, and its top-level modules."""
    own = set()
    for name in tree:
        parts = name.split("/")
        inner = parts[1:] if parts[0] in ("src", "lib", "python") else parts
        if len(inner) == 2 and inner[1] == "__init__.py":
            own.add(inner[0])
        if len(inner) == 1 and inner[0].endswith(".py"):
            own.add(inner[0].removesuffix(".py"))
    own -= {"conftest", "setup", "noxfile", "tests", "test", "docs"}
    name = ""
    for file, key in (("pyproject.toml", "project"), ("package.json", "")):
        if file in tree and tree[file].size_bytes < 1 << 20:
            text = repository.contents([tree[file].blob])[tree[file].blob].decode("utf-8", "replace")
            try:
                data = tomllib.loads(text)[key] if key else json.loads(text)
                name = name or str(data["name"])
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
    if not name and "setup.py" in tree and tree["setup.py"].size_bytes < 1 << 20:
        text = repository.contents([tree["setup.py"].blob])[tree["setup.py"].blob].decode("utf-8", "replace")
        match = re.search(r"\bname\s*=\s*['\"]([A-Za-z0-9._-]+)['\"]", text)
        name = match[1] if match else ""
    return name or path.resolve().name, own


def _complaint(found: TaskAudit) -> str:
    first = found.missed[0]
    return f"{first.probe}: expected {first.expected}, got {first.got}"


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"error|no module", line, re.IGNORECASE)]
    return (errors or lines or ["the runner said nothing"])[-1].encode("ascii", "backslashreplace").decode()[:160]
