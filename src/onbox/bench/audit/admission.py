"""Which tasks may score: those whose gates were shown to tell right from wrong."""

import hashlib
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from onbox import __version__
from onbox.atomic_files import write_atomic
from onbox.bench.audit import VERSION, TaskAudit, audit
from onbox.bench.audit.network import needs_of_network
from onbox.bench.environments import environment_of
from onbox.bench.sandbox import Bind, CommandSpec, Sandbox
from onbox.bench.tasks import Task
from onbox.errors import BadSubjectError, BoxError, OnboxError
from onbox.evidence.records import Network
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
        found = audit(task, sandbox, to_the_end=False)
        if not found.passed:
            raise BadSubjectError(
                _complaint(found), f"onbox audit {task.path} shows all; --no-audit scores it as it is"
            )
        remember(task, sandbox, found)


def remember(task: Task, sandbox: Sandbox, found: TaskAudit) -> None:
    """Keep an audit that was passed, so that the same files need no other here."""
    assert found.passed
    write_atomic(_kept(task, sandbox), json.dumps({"task": str(task.path), **found.as_json()}, indent=1).encode())


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


def unfit(task: Task, sandbox: Sandbox, missing: Mapping[str, str]) -> OnboxError | None:
    """Why a task cannot be done here; None where it can.

    Args:
        task: one that was loaded.
        sandbox: of the trial; an image that the task needs is built.
        missing: of `missing_programs`.
    """
    if program := missing.get(task.name):
        return BoxError(f"needs {program}, which is not in the sandbox", f"install {program}")
    logs = Bind(task.path, "/logs")
    if task.decides == "reward" and sandbox.place(logs) != logs.target:
        return BoxError(
            f"its gate writes its reward to /logs, which the sandbox {sandbox.name} cannot show",
            "apt install bubblewrap, or set ONBOX_SANDBOX=docker",
        )
    try:
        environment_of(task, sandbox)
    except OnboxError as error:
        return error
    return None


def fit(
    tasks: Sequence[Task],
    sandbox: Sandbox,
    on_left_out: Callable[[str, OnboxError], None] = lambda name, why: None,
    *,
    network: Network | None = None,
) -> list[Task]:
    """The tasks that can be done here.

    Args:
        tasks: those that were loaded.
        sandbox: of the trial.
        on_left_out: told the name of each other, and why.
        network: what the user lets one in for, where tasks may need one: `gates` for the gates and reference solutions
            of those that do; None: nobody looks.

    Raises:
        OnboxError: none can.
    """
    missing = missing_programs(tasks, sandbox)
    found: list[tuple[Task, OnboxError | None]] = []
    for task in tasks:
        why = unfit(task, sandbox, missing)
        if why is None and network is not None:
            task, why = _with_network(task, sandbox, network)
        found.append((task, why))
    done = [task for task, why in found if why is None]
    if tasks and not done:
        task, why = found[0]
        assert why is not None
        others = "" if len(tasks) == 1 else f" (and none of the {len(tasks) - 1} others can be run)"
        # Its own kind of error, so that the exit code is right.
        raise type(why)(f"{task.name}: {why.message.removeprefix(f'{task.name}: ')}{others}", why.next_step)
    for task, why in found:
        if why is not None:
            on_left_out(task.name, why)
    return done


def _with_network(task: Task, sandbox: Sandbox, network: Network) -> tuple[Task, OnboxError | None]:
    """The task with the network that it needs and the user lets in, or why it cannot be done without."""
    try:
        need = _network_need(task, sandbox)
    except OnboxError as error:
        return task, error
    if not need:
        return task, None
    if network == "gates":
        return replace(task, network=True), None
    next_step = "--network gates gives one to the gates and reference solutions of such tasks"
    return task, BoxError(need, next_step)


def _network_need(task: Task, sandbox: Sandbox) -> str:
    """What of a task needs the network, in words; empty where nothing shows it, and remembered for the same files."""
    kept = _kept(task, sandbox, "network")
    if not kept.is_file():
        needs = "; ".join(map(str, needs_of_network(task, sandbox)))
        write_atomic(kept, json.dumps({"task": str(task.path), "needs": needs}, indent=1).encode())
    return str(json.loads(kept.read_text())["needs"])


def _is_there(program: str, sandbox: Sandbox) -> bool:
    # Any folder will do: the question is what the sandbox shows of the system.
    here = {"HERE": Bind(Path(__file__).parent, "/here")}
    return sandbox.run(CommandSpec([program, "--version"], binds=here, cwd="HERE", timeout_s=10)).exit_code == 0


def _kept(task: Task, sandbox: Sandbox, folder: str = "audits") -> Path:
    """Where the passed audit of a task lies; other files, probes, sandboxes or Pythons need another."""
    parts = [task.sha256, VERSION, __version__, sandbox.name, sandbox.version, platform.python_version()]
    parts += ["network"] if task.network else []
    return cache_folder() / folder / f"{hashlib.sha256(' '.join(parts).encode()).hexdigest()}.json"


def _complaint(found: TaskAudit) -> str:
    first = found.missed[0]
    return f"{found.name}: fails its audit: {first.probe}: expected {first.expected}, got {first.got}"
