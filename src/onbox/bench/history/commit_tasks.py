"""Makes tasks of one commit: finds the tests that decide, the least that they need, and has each task audited."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from onbox.bench.audit import TaskAudit, audit
from onbox.bench.audit.admission import remember
from onbox.bench.audit.rewrites import REWRITES
from onbox.bench.diff import patch
from onbox.bench.history.deciding_tests import DropError, find_deciding_tests
from onbox.bench.history.environment import SealedEnvironment
from onbox.bench.history.groups import TASKS_MAX, TestGroup, file_of, groups, in_turn
from onbox.bench.history.instruction import CodeStates, HiddenTests, instruction, says_little
from onbox.bench.history.overlap import ALIKE_SHARE, shared
from onbox.bench.history.paths import is_code, is_set_up, is_test
from onbox.bench.history.pieces import CommitChange, pieces
from onbox.bench.history.reduce import places
from onbox.bench.history.repository import EXECUTABLE, FILE, Commit, GitRepository, TreeEntry, lay_out
from onbox.bench.history.runners import NEEDS, REQUEST_BYTES_MAX, TESTS_S, Suite, kind_of, targets_of
from onbox.bench.history.worker import MiningWorker
from onbox.bench.history.writing import Draft, write_task
from onbox.bench.sandbox import Bind, CommandSpec, Sandbox
from onbox.bench.sandbox.equipped import EquippedSandbox
from onbox.errors import UsageError
from onbox.trees import remove

PIECES_S = 240.0
"""Of looking for the pieces of one commit, on the processor and waiting: then the next commits have their turn."""
FILES_MAX = 5_000
TREE_BYTES_MAX = 64 << 20
CHANGED_MAX = 60
"""Files of code that one commit changes; more is a reorganization."""
SUITE_S = 0.7
"""All tests decide where they take no longer than this; else those that the commit touches."""
LINES_MAX = 600
"""Of the files that the least patch makes anew; a module that moved is no task."""
GATE_S = 60.0
"""The least that a gate lets the tests take, whatever they took here: a box may be busy."""


@dataclass(frozen=True)
class MinedTask:
    """A task that was made of a commit.

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

    def at(self, path: Path) -> "MinedTask":
        """The same task in another folder."""
        return replace(self, path=path)


@dataclass(frozen=True)
class DroppedCommit:
    """A commit that became none, and why."""

    commit: str
    why: str


@dataclass
class _Siblings:
    """The tasks of one commit: their names, the solutions that were tried, and those of the tasks that were kept."""

    names: set[str] = field(default_factory=set)
    tried: list[Mapping[str, bytes]] = field(default_factory=list)
    kept: list[Mapping[str, bytes]] = field(default_factory=list)


class TaskMaker:
    """Makes tasks of commits.

    Args:
        repository: whose commits they are.
        sealed: the packages that its tests need.
        sandbox: where its tests run.
        target: a new folder for the tasks.
        scratch: for all that is thrown away.
        title: what the names of the tasks begin with.
        tell: called with a line for each commit that is tried.
    """

    def __init__(
        self,
        repository: GitRepository,
        sealed: SealedEnvironment,
        sandbox: Sandbox,
        target: Path,
        scratch: Path,
        title: str,
        tell: Callable[[str], None],
    ) -> None:
        self._repository, self._sealed, self._tier = repository, sealed, sandbox
        self._sandbox = EquippedSandbox(sandbox, sealed.folder)
        self._target, self._scratch, self._tell = target, scratch, tell
        self._title = re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-").lower() or "history"
        self._programs: dict[str, bool] = {}
        self._whole_suite = True

    def tasks(self, commit: Commit, kept: list[MinedTask]) -> None:
        """Put the tasks that a commit makes into `kept`, as each is whole; at least one.

        Raises:
            DropError: it makes none.
        """
        _check(commit)
        folder = self._scratch / commit.name
        try:
            self._tasks(commit, folder, kept)
        except (UsageError, OSError, UnicodeError) as error:
            raise DropError(getattr(error, "message", "") or f"its files cannot be laid out: {error}") from error
        finally:
            remove(folder)

    def _tasks(self, commit: Commit, folder: Path, kept: list[MinedTask]) -> None:
        trees = [self._repository.tree(name) for name in (commit.parents[0], commit.name)]
        for tree in trees:
            size = sum(entry.size_bytes for entry in tree.values())
            if len(tree) > FILES_MAX or size > TREE_BYTES_MAX:
                raise DropError(f"its tree has {len(tree)} files of {size >> 20} MiB, more than a task carries")
        blobs = {entry.blob for tree in trees for entry in tree.values() if entry.mode in (FILE, EXECUTABLE)}
        contents = self._repository.contents(blobs)
        before, after = (_files(tree, contents) for tree in trees)
        changed = [change.path for change in commit.changes if change.path]
        suite = self._suite(before, after, [name for name in changed if is_test(name)])
        code = [name for name in changed if not (is_test(name) or is_set_up(name))]
        old = {name: before[name][0] for name in code if name in before}
        new = {name: after[name][0] for name in code if name in after}
        self._tell(f"{commit.name[:10]} {commit.message.partition(chr(10))[0][:60]}")
        app = folder / "app"
        app.mkdir(parents=True)
        lay_out(app, {name: value for name, value in before.items() if name not in code})
        with MiningWorker(suite, app, self._sandbox, folder / "calls") as worker:
            deciding = find_deciding_tests(worker, suite.kind, old, new)
            self._each(CommitChange(commit, before, old, new, suite, worker, deciding, folder), kept)

    def _each(self, change: CommitChange, kept: list[MinedTask]) -> None:
        """The tasks that the commit makes: one, or several where it is large; in turn of each group of its tests."""
        reasons: list[str] = []
        siblings = _Siblings()
        fail_to_pass = change.deciding.stable - change.deciding.undone
        count = sum(is_code(place.name) for place in places(change.old, change.new))
        found = [
            pieces(change, group) for group in groups(change.suite.kind, change.suite.targets, fail_to_pass, count)
        ]
        for group in in_turn(found):
            try:
                if isinstance(group, DropError):
                    raise group
                kept.append(self._one(change, group, siblings))
            except DropError as why:
                reasons.append(str(why))
            if len(kept) >= TASKS_MAX or len(reasons) >= 2 * TASKS_MAX:
                break
            if change.worker.spent_s > PIECES_S:
                reasons.append(f"its pieces take longer than {PIECES_S:.0f} s to find")
                break
        if not kept:
            raise DropError(max(reasons, key=reasons.count))

    def _one(self, change: CommitChange, group: TestGroup, siblings: _Siblings) -> MinedTask:
        commit, old, new, deciding = change.commit, change.old, change.new, change.deciding
        kept = {
            name
            for name in deciding.stable & deciding.undone
            if not group.title or file_of(name, change.suite.targets) in group.targets
        }
        wanted = group.fail_to_pass | kept
        least = group.least
        if least is None or not wanted <= change.passes(least, group.targets, wanted):
            least = change.least(wanted, group.targets, wanted)
        if least in siblings.tried or any(shared(old, least, other) > ALIKE_SHARE for other in siblings.kept):
            # Two tasks with one solution are one task, counted twice.
            raise DropError("most of its solution is that of another task of its commit")
        siblings.tried.append(least)
        new_lines = sum(content.count(b"\n") for name, content in least.items() if name not in old)
        if new_lines > LINES_MAX:
            raise DropError(f"what its tests need has {new_lines} lines of new files, more than {LINES_MAX}")
        targets, pass_to_pass = self._widened(change, group, kept, least)
        suite = replace(
            change.suite,
            targets=tuple(targets),
            timeout_s=min(max(GATE_S, round(10 * deciding.limit_s)), TESTS_S),
            only=tuple(sorted(group.fail_to_pass | pass_to_pass)) if deciding.only else (),
        )
        ids, name = sorted(group.fail_to_pass), self._name(commit, group.title, siblings.names)
        draft = Draft(
            name=name,
            family=self._family(commit),
            commit=commit,
            instruction=instruction(
                commit.message,
                CodeStates(old, new, least),
                HiddenTests(suite.hidden, group.targets, ids, suite.kind, deciding.why),
                part=bool(group.title),
            ),
            app=change.before,
            solution=_changes(old, least),
            upstream=_changes(old, new),
            suite=suite,
            fail_to_pass=ids,
            pass_to_pass=sorted(pass_to_pass),
            exact=_form_matters(old, least, lambda some: wanted <= change.passes(some, group.targets, wanted)),
            patch=_patch(change.folder, old, least),
        )
        path = self._admitted(draft, change)
        siblings.kept.append(least)
        return MinedTask(name, commit.name, commit.time_s, path, len(ids), says_little(commit.message, old, new))

    def _widened(
        self, change: CommitChange, group: TestGroup, kept: set[str], least: Mapping[str, bytes]
    ) -> tuple[Sequence[str], set[str]]:
        """The test files that decide, and which of their tests must still pass: all of the project's, where quick."""
        every = targets_of(change.suite.hidden)
        if change.deciding.only or not self._whole_suite or not set(group.targets) < set(every):
            return group.targets, kept
        end = change.worker.observe(least, every, max(3 * SUITE_S, change.deciding.limit_s))
        if end.timed_out or not end.passed or end.cost_s > SUITE_S:
            self._whole_suite = False
            return group.targets, kept
        states = (change.old, change.new)
        still = end.passed.intersection(*(change.passes(state, every) for state in states)) - group.fail_to_pass
        return (every, set(still)) if group.fail_to_pass <= end.passed and kept <= still else (group.targets, kept)

    def _suite(
        self, before: Mapping[str, tuple[bytes, bool]], after: Mapping[str, tuple[bytes, bool]], touched: list[str]
    ) -> Suite:
        there = [name for name in touched if name in after]
        targets = targets_of(there)
        if not targets:
            # Data of tests, or their helpers: all tests of the project may be about it.
            targets = targets_of([name for name in after if is_test(name)])
        if not targets:
            raise DropError("holds no test file that a known runner takes")
        texts = {name: after[name][0].decode("utf-8", "replace") for name in after if is_test(name) or is_set_up(name)}
        kind = kind_of(targets, texts, pytest_is_there=self._sealed.has_pytest)
        if kind is None:
            raise DropError(f"no known runner for {targets[0]}")
        if kind == "pytest" and not self._sealed.has_pytest:
            raise DropError("its tests need pytest, which is in no environment here: give one by --env")
        program = NEEDS.get(kind)
        if program and not self._has(program):
            raise DropError(f"its tests need {program}, which is not in the sandbox")
        hidden = {name: content for name, (content, _) in after.items() if is_test(name) or is_set_up(name)}
        if sum(map(len, hidden.values())) * 4 // 3 > REQUEST_BYTES_MAX:
            raise DropError("its tests are larger than a gate can hand over")
        own = tuple(sorted(name for name in before if is_test(name) or is_set_up(name)))
        return Suite(kind, tuple(targets), hidden, own, tuple(sorted({*before, *after})))

    def _admitted(self, draft: Draft, change: CommitChange) -> Path:
        """The task on disk, after it has passed its audit."""
        path, whole = self._target / draft.name, False
        try:
            for exact in dict.fromkeys((draft.exact, True)):
                remove(path)
                task = write_task(replace(draft, exact=exact), path, self._sealed.folder)
                found = audit(
                    task,
                    self._tier,
                    to_the_end=False,
                    warm=lambda app: _graded(app, draft, change),
                    scratch_parent=self._scratch,
                )
                if found.passed:
                    remember(task, self._tier, found)
                    whole = True
                    return path
                if not all(end.of_form for end in found.missed):
                    break
            raise DropError(f"fails its audit: {_complaint(found)}")
        finally:
            if not whole:
                remove(path)

    def _name(self, commit: Commit, title: str, taken: set[str]) -> str:
        text = title or commit.message.partition("\n")[0]
        words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")
        first = name = self._family(commit) + (f"-{words}" if words else "")
        count = 1
        while name in taken:
            count += 1
            name = f"{first}-{count}"
        taken.add(name)
        return name

    def _family(self, commit: Commit) -> str:
        return f"{self._title}-{commit.name[:8]}"

    def _has(self, program: str) -> bool:
        if program not in self._programs:
            word = "version" if program == "go" else "--version"
            here = {"HERE": Bind(Path(__file__).parent, "/here")}
            done = self._tier.run(CommandSpec([program, word], binds=here, cwd="HERE", timeout_s=10))
            self._programs[program] = done.exit_code == 0
        return self._programs[program]


def _check(commit: Commit) -> None:
    """What can be seen of a commit before its tree is read."""
    if len(commit.parents) > 1:
        raise DropError("a merge")
    if not commit.parents:
        raise DropError("nothing before it")
    if any(change.path is None for change in commit.changes):
        raise DropError("changes a file whose name is no plain text")
    paths = [change.path for change in commit.changes if change.path]
    if not any(is_test(path) for path in paths):
        raise DropError("changes no tests")
    code = [path for path in paths if is_code(path)]
    if not code:
        raise DropError("changes nothing but tests, set-up and words")
    if len(code) > CHANGED_MAX:
        raise DropError(f"changes {len(code)} files of code, more than {CHANGED_MAX}")
    modes = {state[0] for change in commit.changes for state in (change.before, change.after) if state}
    if not modes <= {FILE, EXECUTABLE}:
        raise DropError("changes links or submodules")


def _files(tree: Mapping[str, TreeEntry], contents: Mapping[str, bytes]) -> dict[str, tuple[bytes, bool]]:
    """The regular files; a link could lead out of the workspace."""
    return {
        name: (contents[entry.blob], entry.mode == EXECUTABLE)
        for name, entry in tree.items()
        if entry.mode in (FILE, EXECUTABLE)
    }


def _changes(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> dict[str, bytes | None]:
    return {name: new.get(name) for name in sorted({*old, *new}) if old.get(name) != new.get(name)}


def _form_matters(
    old: Mapping[str, bytes], least: Mapping[str, bytes], works: Callable[[Mapping[str, bytes]], bool]
) -> bool:
    """Whether the tests fail once the solution is laid out otherwise, as the probe rewritten does."""
    for rewrite in REWRITES.values():
        other = dict(least)
        for name, content in _changes(old, least).items():
            try:
                text = rewrite(name, content.decode("utf-8")) if content is not None else None
            except UnicodeDecodeError:
                text = None
            if text is not None:
                other[name] = text.encode("utf-8")
        if other != least and not works(other):
            return True
    return False


def _graded(app: Path, draft: Draft, change: CommitChange) -> tuple[int, str]:
    """What the gate of a task says of a workspace: its exit code and reason, by tests that ran in the warm sandbox."""
    there = {path.relative_to(app).as_posix(): path.read_bytes() for path in app.rglob("*") if path.is_file()}
    code = {*change.old, *change.new}
    changed: dict[str, bytes | None] = {
        name: data for name, data in there.items() if name in code or change.before.get(name, (None,))[0] != data
    }
    changed |= {name: None for name in change.before if name not in there}
    end = change.worker.observe(changed, draft.suite.targets, change.deciding.limit_s, draft.suite.only)
    if not end.tests:
        return 1, "FAIL_TESTS no test ran"
    for reason, names in (("FAIL_TESTS", draft.fail_to_pass), ("FAIL_BROKEN", draft.pass_to_pass)):
        missed = [name for name in names if end.tests.get(name) != "passed"]
        if missed:
            return 1, f"{reason} {len(missed)} of {len(names)} tests do not pass"
    return 0, "PASS"


def _patch(folder: Path, old: Mapping[str, bytes], new: Mapping[str, bytes]) -> str:
    folders = [folder / name for name in ("old", "new")]
    for place, files in zip(folders, (old, new), strict=True):
        remove(place)
        place.mkdir()
        lay_out(place, {name: (content, False) for name, content in files.items()})
    return patch(*folders)


def _complaint(found: TaskAudit) -> str:
    first = found.missed[0]
    return f"{first.probe}: expected {first.expected}, got {first.got}"
