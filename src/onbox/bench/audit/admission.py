"""Which tasks may score: those whose gates were shown to tell right from wrong."""

import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from pathlib import Path

from onbox import __version__
from onbox.atomic_files import write_atomic
from onbox.bench.audit import VERSION, TaskAudit, audit
from onbox.bench.sandbox import Bind, Sandbox
from onbox.bench.tasks import Task
from onbox.errors import BadSubjectError, BoxError
from onbox.user_folders import cache_folder


def admit(tasks: Sequence[Task], sandbox: Sandbox, on_audit: Callable[[str], None] = lambda name: None) -> None:
    """Audit each task, unless the same files have passed the same audit here before.

    Args:
        tasks: of the user; the builtin ones are audited with each release.
        sandbox: where they are audited.
        on_audit: told the name of each task that is audited now.

    Raises:
        BadSubjectError: a gate cannot be trusted, so that its task would not score.
        BoxError: a task needs Docker, or the sandbox could not start.
    """
    for task in tasks:
        kept = _kept(task, sandbox)
        if kept.is_file():
            continue
        on_audit(task.name)
        found = audit(task, sandbox)
        if not found.passed:
            raise BadSubjectError(
                _complaint(found), f"onbox audit {task.path} shows all; --no-audit scores it as it is"
            )
        write_atomic(kept, json.dumps({"task": str(task.path), **found.as_json()}, indent=1).encode())


def missing_programs(tasks: Sequence[Task], sandbox: Sandbox) -> dict[str, str]:
    """The tasks that cannot be done here, with the first program that is not in the sandbox."""
    there: dict[str, bool] = {}
    missing: dict[str, str] = {}
    for task in tasks:
        for program in task.needs:
            if program not in there:
                there[program] = _is_there(program, sandbox)
            if not there[program]:
                missing.setdefault(task.name, program)
    return missing


def without_missing(
    tasks: Sequence[Task], sandbox: Sandbox, on_left_out: Callable[[str], None] = lambda words: None
) -> list[Task]:
    """The tasks that can be done here; each other is told in words.

    Raises:
        BoxError: none can.
    """
    missing = missing_programs(tasks, sandbox)
    for name, program in missing.items():
        on_left_out(f"{name}: left out, it needs {program}, which is not in the sandbox")
    if missing and len(missing) == len(tasks):
        programs = ", ".join(sorted(set(missing.values())))
        raise BoxError(f"{', '.join(missing)}: needs {programs}, which is not in the sandbox", f"install {programs}")
    return [task for task in tasks if task.name not in missing]


def _is_there(program: str, sandbox: Sandbox) -> bool:
    # Any folder will do: the question is what the sandbox shows of the system.
    here = {"HERE": Bind(Path(__file__).parent, "/here")}
    return sandbox.run([program, "--version"], binds=here, cwd="HERE", timeout_s=10).exit_code == 0


def _kept(task: Task, sandbox: Sandbox) -> Path:
    """Where the passed audit of a task lies; other files, probes, sandboxes or Pythons need another."""
    parts = (task.sha256, VERSION, __version__, sandbox.name, sandbox.version, platform.python_version())
    return cache_folder() / "audits" / f"{hashlib.sha256(' '.join(parts).encode()).hexdigest()}.json"


def _complaint(found: TaskAudit) -> str:
    first, more = found.missed[0], len(found.missed) - 1
    others = f" (and {more} more)" if more else ""
    return f"{found.name}: fails its audit: {first.probe}: expected {first.expected}, got {first.got}{others}"
