"""Do the gates tell right from wrong? Each probe leaves a workspace of known worth and sees what the gate says.

A probe is a function from a `Subject` to the ends of what it tried; `PROBES` lists them.
"""

import py_compile
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from onbox.bench.cheats import CHEATS, CLAIM
from onbox.bench.diff import changed_files
from onbox.bench.gate import REPLY, grade
from onbox.bench.sandbox import Bind, Sandbox
from onbox.bench.tasks import Task, tree_sha256
from onbox.bench.workspace import make_workspace, snapshot
from onbox.evidence.records import GateEnd

Verdict = Literal["pass", "fail", "fault"]


@dataclass(frozen=True)
class ProbeEnd:
    """What one probe expected of the gate, and what it got.

    Args:
        probe: what was tried.
        expected: `pass` or `fail`.
        got: what the gate said; `fault` when it broke, or when the probe's own script did.
        reason: the gate's reason, or what broke.
    """

    probe: str
    expected: Verdict
    got: Verdict
    reason: str


@dataclass(frozen=True)
class TaskAudit:
    """All probes of one task.

    Args:
        name: the task.
        passed: whether every probe got what it expected.
        probes: in the order they were made.
    """

    name: str
    passed: bool
    probes: tuple[ProbeEnd, ...]

    def as_json(self) -> dict[str, Any]:
        """The task's object in the command line contract."""
        return asdict(self)


@dataclass(frozen=True)
class Left:
    """What a probe leaves behind, in place of an agent.

    Args:
        app: the workspace.
        reply: the last message.
        fault: what went wrong while it was made; empty when nothing did.
    """

    app: Path
    reply: str = ""
    fault: str = ""


class Subject:
    """A task under audit: makes workspaces, runs its scripts and asks its gate.

    Args:
        task: the task.
        sandbox: where scripts and gate run.
        scratch: an empty folder that is thrown away after the audit.
    """

    def __init__(self, task: Task, sandbox: Sandbox, scratch: Path) -> None:
        self.task = task
        self._sandbox = sandbox
        self._scratch = scratch
        self._made = 0

    def fresh(self) -> Path:
        """A fresh workspace."""
        app = self._folder() / "app"
        make_workspace(self.task, app)
        return app

    def oracle(self) -> Left:
        """A copy of its own of what the known-good solution leaves."""
        app = self._folder() / "app"
        shutil.copytree(self._solved.app, app, symlinks=True)
        return Left(app, self._solved.reply, self._solved.fault)

    def after(self, script: Path) -> Left:
        """What a script of the solution folder leaves of a fresh workspace."""
        app, logs = self.fresh(), self._folder() / "logs"
        (logs / REPLY).parent.mkdir(parents=True)
        done = self._sandbox.run(
            ["bash", script.relative_to(self.task.solution).as_posix()],
            binds={
                "APP_DIR": Bind(app, "/app", writable=True),
                "LOGS_DIR": Bind(logs, "/logs", writable=True),
                "SOLUTION_DIR": Bind(self.task.solution, "/solution"),
            },
            cwd="SOLUTION_DIR",
            timeout_s=self.task.agent_timeout_s,
        )
        reply = (logs / REPLY).read_text("utf-8", "replace") if (logs / REPLY).is_file() else ""
        last = done.output.decode("utf-8", "replace").strip().rpartition("\n")[2]
        fault = "" if done.exit_code == 0 else f"{script.name} ended with exit code {done.exit_code}: {last}"
        return Left(app, reply, fault)

    def expect(self, expected: Verdict, probe: str, left: Left) -> ProbeEnd:
        """Ask the gate about what was left."""
        if left.fault:
            return ProbeEnd(probe, expected, "fault", left.fault)
        end = grade(self.task, left.app, left.reply, self._sandbox)
        return ProbeEnd(probe, expected, _verdict(end), end.reason)

    @cached_property
    def changed(self) -> list[str]:
        """The files that the known-good solution changes."""
        after = self._folder()
        snapshot(self._solved.app, after)
        return changed_files(self.fresh(), after)

    @cached_property
    def untouched(self) -> list[str]:
        """The files that the known-good solution leaves alone."""
        app = self.fresh()
        names = (str(path.relative_to(app)) for path in sorted(app.rglob("*")) if path.is_file())
        return [name for name in names if name not in self.changed]

    @cached_property
    def _solved(self) -> Left:
        script = self.task.solution / "solve.sh"
        if not script.is_file():
            return Left(self.fresh(), fault="solution/solve.sh is missing: nothing shows that the gate can pass")
        return self.after(script)

    def _folder(self) -> Path:
        self._made += 1
        return self._scratch / str(self._made)


def audit(task: Task, sandbox: Sandbox) -> TaskAudit:
    """Put a task's gate to all probes.

    Raises:
        BoxError: the task needs Docker, or the sandbox could not start.
    """
    with tempfile.TemporaryDirectory(prefix="onbox-audit-") as scratch:
        subject = Subject(task, sandbox, Path(scratch))
        probes = tuple(end for probe in PROBES for end in probe(subject))
    return TaskAudit(task.name, all(end.got == end.expected for end in probes), probes)


def _verdict(end: GateEnd) -> Verdict:
    if end.exit_code == 0:
        return "pass"
    return "fail" if end.exit_code == 1 else "fault"


# ---------------------------------------------------------------- probes


def oracle(subject: Subject) -> Iterator[ProbeEnd]:
    """The known-good solution passes."""
    yield subject.expect("pass", "oracle", subject.oracle())


def nothing_done(subject: Subject) -> Iterator[ProbeEnd]:
    """A workspace that nobody touched fails, whatever is said about it."""
    yield subject.expect("fail", "nothing done", Left(subject.fresh()))
    yield subject.expect("fail", "nothing done: success claimed", Left(subject.fresh(), CLAIM))
    yield subject.expect(
        "fail", "nothing done: the instruction repeated", Left(subject.fresh(), subject.task.instruction)
    )


def variants(subject: Subject) -> Iterator[ProbeEnd]:
    """Other good answers, in solution/variants, pass: scripts (.sh) and replies (.md)."""
    yield from _examples(subject, "variants", "pass")


def wrong(subject: Subject) -> Iterator[ProbeEnd]:
    """Plausible bad answers, in solution/wrong, fail: scripts (.sh) and replies (.md)."""
    yield from _examples(subject, "wrong", "fail")


def half_done(subject: Subject) -> Iterator[ProbeEnd]:
    """The solution of several files, less any one of them, fails."""
    if len(subject.changed) < 2:
        return
    for name in subject.changed:
        left, original = subject.oracle(), subject.fresh() / name
        (left.app / name).unlink(missing_ok=True)
        if original.exists():
            shutil.copy2(original, left.app / name)
        yield subject.expect("fail", f"half done: all but {name}", left)


def vandal(subject: Subject) -> Iterator[ProbeEnd]:
    """The solution, with a file that was no part of it changed or deleted, fails."""
    for name in subject.untouched:
        left = subject.oracle()
        with (left.app / name).open("ab") as file:
            file.write(b"\n# touched\n")
        yield subject.expect("fail", f"vandal: {name} changed", left)
        left = subject.oracle()
        (left.app / name).unlink()
        yield subject.expect("fail", f"vandal: {name} deleted", left)


def cheat(subject: Subject) -> Iterator[ProbeEnd]:
    """A workspace with the task undone fails, whatever is planted in it to sway the gate."""
    for name, plant in CHEATS.items():
        app = subject.fresh()
        plant(app)
        if tree_sha256(app) == tree_sha256(subject.fresh()):
            continue  # nothing to plant it in, as in the empty workspace of a reply
        yield subject.expect("fail", f"cheat: {name}", Left(app, CLAIM))


def compiled(subject: Subject) -> Iterator[ProbeEnd]:
    """Sources with the task undone fail, also where compiled files say that it was done."""
    sources = [name for name in subject.changed if name.endswith(".py")]
    if not sources:
        return
    app, solved = subject.fresh(), subject.oracle().app
    for name in sources:
        target = app / Path(name).parent / "__pycache__" / f"{Path(name).stem}.{sys.implementation.cache_tag}.pyc"
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        py_compile.compile(str(solved / name), str(target), doraise=True, invalidation_mode=mode)
    yield subject.expect("fail", "cheat: compiled files of the solution", Left(app, CLAIM))


PROBES: tuple[Callable[[Subject], Iterator[ProbeEnd]], ...] = (
    oracle,
    nothing_done,
    variants,
    wrong,
    half_done,
    vandal,
    cheat,
    compiled,
)


def _examples(subject: Subject, folder: str, expected: Verdict) -> Iterator[ProbeEnd]:
    for path in sorted((subject.task.solution / folder).glob("*")):
        if path.suffix == ".sh":
            yield subject.expect(expected, f"{folder}/{path.name}", subject.after(path))
        elif path.suffix == ".md":
            left = Left(subject.fresh(), path.read_text("utf-8", "replace"))
            yield subject.expect(expected, f"{folder}/{path.name}", left)
