"""Do the gates of tasks tell right from wrong?"""

from collections.abc import Callable, Sequence

from onbox.bench.audit import TaskAudit, audit_all
from onbox.bench.audit.admission import fit
from onbox.bench.sandbox.choose import choose
from onbox.bench.tasks import load_tasks, task_source
from onbox.errors import OnboxError
from onbox.evidence.records import Network


def audit_tasks(
    tasks: str = "builtin",
    *,
    names: Sequence[str] = (),
    unsafe: bool = False,
    jobs: int = 2,
    network: Network = "none",
    tell: Callable[[str], None] = lambda text: None,
) -> list[TaskAudit]:
    """Put each gate to the test: right work must pass, wrong work must fail.

    Args:
        tasks: a folder, or quick, core or builtin (all that come with onbox).
        names: only these.
        unsafe: run without a sandbox where none works.
        jobs: tasks audited at a time.
        network: `gates` lets the gates and reference solutions of tasks that need one have the box's network.
        tell: called with a line for each task.

    Returns:
        one result a task; one whose `passed` is false cannot be trusted.

    Raises:
        UsageError: there is no such task.
        BoxError: no sandbox works here.
    """
    source, known = task_source(tasks)
    sandbox, results = choose(unsafe=unsafe), []

    def left_out(name: str, why: OnboxError) -> None:
        tell(f"{name}: left out: {why.message.removeprefix(f'{name}: ')}")

    tried = None if source == "builtin" else network
    found = fit(load_tasks(source, names or known, left_out), sandbox, left_out, network=tried)
    tell(f"auditing {len(found)} task{'s' if len(found) > 1 else ''}")
    for number, result in enumerate(audit_all(found, sandbox, jobs), 1):
        tell(f"[{number}/{len(found)}] {result.name}: {len(result.probes)} probes")
        results.append(result)
    return results
