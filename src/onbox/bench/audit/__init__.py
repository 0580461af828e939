"""Do the gates tell right from wrong? Each probe leaves a workspace of known worth and sees what the gate says."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from onbox.bench.audit.probes import PROBES
from onbox.bench.audit.subject import AuditSubject, ProbeEnd, Warm
from onbox.bench.sandbox import Sandbox
from onbox.bench.sandbox.halt import check
from onbox.bench.tasks import Task
from onbox.scratch import scratch_folder

VERSION = "5"
"""Of the probes: a task that passed others has not passed these."""


@dataclass(frozen=True)
class TaskAudit:
    """All probes of one task.

    Args:
        name: the task.
        passed: whether every probe got what it expected.
        probes: in the order they were made.
        open_to_cheating: the code under test can come by the answers or forge the verdict; nothing of the sort has to
            be shown.
        why_open: in words; empty where it is not.
    """

    name: str
    passed: bool
    probes: tuple[ProbeEnd, ...]
    open_to_cheating: bool = False
    why_open: str = ""

    @property
    def missed(self) -> tuple[ProbeEnd, ...]:
        """The probes that did not get what they expected."""
        return tuple(end for end in self.probes if end.got != end.expected)

    def as_json(self) -> dict[str, Any]:
        """The task's object in the command line contract."""
        return asdict(self)


Probe = Callable[[AuditSubject], Iterator[ProbeEnd]]


def audit(
    task: Task,
    sandbox: Sandbox,
    probes: Sequence[Probe] = PROBES,
    *,
    to_the_end: bool = True,
    warm: Warm | None = None,
    scratch_parent: Path | None = None,
) -> TaskAudit:
    """Put a task's gate to all probes.

    Args:
        task: the task.
        sandbox: where its gate runs.
        probes: fewer of them, for a look at one kind alone.
        to_the_end: also those after the first that does not get what it expected.
        warm: see `AuditSubject`; oracle and nothing done are asked of the gate itself first, and of this again.
        scratch_parent: where workspaces are made; the system's temporary folder if left out.

    Raises:
        BoxError: the task needs Docker, or the sandbox could not start.
        RunHalted: the sign that this thread keeps was shown.
    """
    with scratch_folder("audit", scratch_parent) as scratch:
        subject = AuditSubject(task, sandbox, scratch, warm)
        ends = []
        for end in (end for probe in probes for end in probe(subject)):
            ends.append(end)
            check()
            if end.got != end.expected and not to_the_end:
                break
    passed = all(end.got == end.expected for end in ends)
    opening = why_open(task)
    return TaskAudit(task.name, passed, tuple(ends), bool(opening), opening)


def why_open(task: Task) -> str:
    """How the code under test could come by the answers or forge the verdict, whatever the probes find; empty: no way
    is known."""
    if not task.judges_apart:
        return "its gate may run the code under test in its own process"
    if task.tests_beside_code:
        return "the project's tests run in one process with the code that they test, which could forge their result"
    return ""


def audit_all(
    tasks: Sequence[Task], sandbox: Sandbox, jobs: int = 2, probes: Sequence[Probe] = PROBES
) -> Iterator[TaskAudit]:
    """Audit tasks, `jobs` at a time; the ends come in the order of the tasks.

    Raises:
        BoxError: a task needs Docker, or the sandbox could not start.
    """
    pool = ThreadPoolExecutor(jobs)
    try:
        for future in [pool.submit(audit, task, sandbox, probes) for task in tasks]:
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)
