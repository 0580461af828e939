"""A task under audit: makes workspaces, runs the scripts of its author and asks its gate."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from onbox.bench.diff import changed_files
from onbox.bench.environments import environment_of
from onbox.bench.gate import LOGS, REPLY, grade
from onbox.bench.instances import render
from onbox.bench.sandbox import Bind, CommandSpec, Sandbox
from onbox.bench.sandbox.halt import check
from onbox.bench.tasks import Task
from onbox.bench.workspace import snapshot
from onbox.evidence.records import GateEnd
from onbox.trees import remove

GateVerdict = Literal["pass", "fail", "fault"]

Warm = Callable[[Path], tuple[int, str]]

SOLUTION_S = 3600.0
"""For the reference solution of a task that sets its agent no limit."""


@dataclass(frozen=True)
class ProbeEnd:
    """What one probe expected of the gate, and what it got.

    Args:
        probe: what was tried.
        expected: `pass` or `fail`.
        got: what the gate said; `fault` when it broke, or when the probe's own script did.
        reason: the gate's reason, or what broke.
        of_form: what was tried is the known-good solution in another form.
    """

    probe: str
    expected: GateVerdict
    got: GateVerdict
    reason: str
    of_form: bool = False


@dataclass(frozen=True)
class ProbeEffect:
    """What a probe leaves behind, in place of an agent.

    Args:
        app: the workspace.
        reply: the last message.
        fault: what went wrong while it was made; empty when nothing did.
        printed: by the script that made it.
    """

    app: Path
    reply: str = ""
    fault: str = ""
    printed: str = ""


class AuditSubject:
    """A task under audit.

    Args:
        task: the task.
        sandbox: where scripts and gate run.
        scratch: a folder that is thrown away after the audit.
        warm: what the gate says of a workspace (exit code, reason), by a run of the same tests that costs less; it may
            answer for the gate where nothing in the workspace is made to sway it.
    """

    def __init__(self, task: Task, sandbox: Sandbox, scratch: Path, warm: Warm | None = None) -> None:
        self.task = task
        self._warm = warm
        self._tier = sandbox
        self._environment = environment_of(task, sandbox)
        self.sandbox = self._environment.sandbox
        self._scratch = scratch
        self._made = 0

    def fresh(self) -> Path:
        """A fresh workspace."""
        check()
        app = self._folder() / "app"
        self._environment.make(app)
        return app

    def oracle(self) -> ProbeEffect:
        """A copy of its own of what the known-good solution leaves."""
        check()
        app = self._folder() / "app"
        shutil.copytree(self._solved.app, app, symlinks=True)
        return ProbeEffect(app, self._solved.reply, self._solved.fault, self._solved.printed)

    def after(self, script: Path) -> ProbeEffect:
        """What a script of the solution folder leaves of a fresh workspace."""
        app, logs = self.fresh(), self._folder() / "logs"
        for name in LOGS:
            (logs / name).mkdir(parents=True)
        binds = {
            "APP_DIR": Bind(app, "/app", writable=True),
            "LOGS_DIR": Bind(logs, "/logs", writable=True),
            "SOLUTION_DIR": Bind(self.task.solution, "/solution"),
        }
        argv, cwd = ["bash", script.relative_to(self.task.solution).as_posix()], "SOLUTION_DIR"
        if self.task.decides == "reward":
            # As Harbor starts it: executable, by its own first line, in the WORKDIR.
            own = self._folder() / "solution"
            shutil.copytree(self.task.solution, own)
            named = own / script.relative_to(self.task.solution)
            named.chmod(named.stat().st_mode | 0o111)
            binds["SOLUTION_DIR"] = Bind(own, "/solution", writable=True)
            argv = ["bash", "-c", '("$0")', f"{self.sandbox.place(binds['SOLUTION_DIR'])}/{named.relative_to(own)}"]
            cwd = "APP_DIR"
        done = self.sandbox.run(
            CommandSpec(
                argv,
                binds=binds,
                cwd=cwd,
                timeout_s=self.task.agent_timeout_s or SOLUTION_S,
                env={"DEBIAN_FRONTEND": "noninteractive", **dict(self.task.solution_variables)},
                network=self.task.network,
            )
        )
        reply = (logs / REPLY).read_text("utf-8", "replace") if (logs / REPLY).is_file() else ""
        printed = done.output.decode("utf-8", "replace")
        last = printed.strip().rpartition("\n")[2]
        fault = "" if done.exit_code == 0 else f"{script.name} ended with exit code {done.exit_code}: {last}"
        return ProbeEffect(app, reply, fault, printed)

    def instance(self, seed: int) -> "AuditSubject":
        """The task that the generator makes for a seed, under audit too.

        Raises:
            BadSubjectError: the generator broke, or left no task.
        """
        folder = self._folder()
        instance = render(self.task, seed, folder / self.task.name, self._tier)
        return AuditSubject(instance, self._tier, folder / "scratch")

    def expect(self, expected: GateVerdict, probe: str, left: ProbeEffect, *, honest: bool = False) -> ProbeEnd:
        """Ask the gate about what was left.

        Args:
            expected: what is right.
            probe: what was tried.
            left: the workspace and the last message.
            honest: nothing was put there to sway the gate, and the message is none: a warm run may answer for it.
        """
        if honest and self._warm is not None and not left.fault:
            code, reason = self._warm(left.app)
            remove(left.app)
            return ProbeEnd(probe, expected, "pass" if code == 0 else "fail", f"{reason} (warm)")
        return self.expect_each_time(expected, probe, left, times=1)[0]

    def expect_each_time(self, expected: GateVerdict, probe: str, left: ProbeEffect, times: int) -> Sequence[ProbeEnd]:
        """Ask the gate several times about the same; what it said first, and whether it said nothing else.

        What was left is gone afterwards: some fifty copies of a large workspace take minutes to be removed at once.
        """
        try:
            return self._graded_each_time(expected, probe, left, times)
        finally:
            remove(left.app)

    def _graded_each_time(self, expected: GateVerdict, probe: str, left: ProbeEffect, times: int) -> Sequence[ProbeEnd]:
        if left.fault:
            return [ProbeEnd(probe, expected, "fault", left.fault)]
        cold = 1 if self._warm is not None else times
        ends = [self._grade(left) for _ in range(cold)]
        if self._warm is not None and ends[0].exit_code is None:
            # A busy box may have kept it from its end; a gate that hangs does so again.
            ends = [self._grade(left)]
        first = ProbeEnd(probe, expected, _verdict(ends[0]), ends[0].reason)
        if times == 1:
            return [first]
        if self._warm is not None:
            return [first, self._again(probe, first, [self._warm(left.app) for _ in range(times - cold)])]
        verdicts = dict.fromkeys((end.exit_code, end.reason) for end in ends)
        again = f"{probe}: {times} times the same"
        if len(verdicts) == 1:
            return [first, ProbeEnd(again, expected, first.got, first.reason)]
        return [first, ProbeEnd(again, expected, "fault", " but also ".join(reason for _, reason in verdicts))]

    def _grade(self, left: ProbeEffect) -> GateEnd:
        return grade(self.task, left.app, left.reply, self.sandbox, scratch_parent=self._scratch)

    def _again(self, probe: str, first: ProbeEnd, warm: Sequence[tuple[int, str]]) -> ProbeEnd:
        """Whether warm runs said each time what the gate said first; its reason goes on with a test's own words."""
        again = f"{probe}: {len(warm) + 1} times the same"
        for code, reason in warm:
            if (first.got == "pass") != (code == 0) or not first.reason.startswith(reason):
                return ProbeEnd(again, first.expected, "fault", f"{first.reason} but also {reason} (warm)")
        return ProbeEnd(again, first.expected, first.got, first.reason)

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
    def _solved(self) -> ProbeEffect:
        script = self.task.solution / "solve.sh"
        if not script.is_file():
            return ProbeEffect(self.fresh(), fault="solution/solve.sh is missing: nothing shows that the gate can pass")
        return self.after(script)

    def _folder(self) -> Path:
        self._made += 1
        return self._scratch / str(self._made)


def _verdict(end: GateEnd) -> GateVerdict:
    if end.exit_code == 0:
        return "pass"
    return "fail" if end.exit_code == 1 else "fault"
