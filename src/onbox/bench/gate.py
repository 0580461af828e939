"""Grade what an agent left behind: outside its sandbox, on a copy, by the task's gate alone.

A gate that judges apart (`metadata.gate = "apart"`) has the code under test run for it (`code_runs.py`), and its
verdict counts only with the word that it was told at its start. The old form says it by its exit code alone, and may
run the code beside itself: the audit marks it as open to cheating.
"""

import re
import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from onbox.bench.code_runs import CodeRuns
from onbox.bench.sandbox import Bind, Completed, Sandbox
from onbox.bench.tasks import Task, tree_sha256
from onbox.bench.workspace import snapshot
from onbox.evidence.records import GateEnd
from onbox.scratch import scratch_folder

REPLY = "agent/reply.md"
"""Where, below LOGS_DIR, a gate finds the agent's last message."""

NO_VERDICT = 3
"""The exit code of a gate that ended with 0 or 1 and without its word."""

_REASON = re.compile(r"^REASON: (.+)$", re.MULTILINE)


def grade(task: Task, workspace: Path, reply: str, sandbox: Sandbox, *, transcript: Path | None = None) -> GateEnd:
    """Run the task's gate on a copy of the workspace, in a fresh sandbox.

    The gate finds the copy in APP_DIR, its own files in TESTS_DIR and the reply in LOGS_DIR/agent/reply.md. It says 0
    for pass and 1 for fail; anything else, and a timeout, is a fault of the gate: the exit code is kept and the reason
    begins with GATE_FAULT. The agent's processes must be dead.

    Args:
        task: the task whose gate judges.
        workspace: what the agent left; links and special files are not copied.
        reply: the agent's last message.
        sandbox: where the gate runs.
        transcript: a file for all that the gate printed.

    Raises:
        BoxError: the sandbox could not start.
    """
    with scratch_folder("gate") as scratch:
        app, logs, tests = scratch / "app", scratch / "logs", scratch / "tests"
        snapshot(workspace, app)
        runs = CodeRuns(scratch / "calls", app, sandbox, task.gate_timeout_s) if task.judges_apart else None
        # A copy, because not every sandbox keeps a command from changing the modes of files it may only read.
        shutil.copytree(task.tests, tests)
        (logs / REPLY).parent.mkdir(parents=True)
        (logs / REPLY).write_text(reply, "utf-8", errors="replace")
        binds = {
            "APP_DIR": Bind(app, "/app", writable=runs is None),
            "TESTS_DIR": Bind(tests, "/tests"),
            "LOGS_DIR": Bind(logs, "/logs", writable=True),
        }
        if runs is not None:
            binds["CALLS_DIR"] = Bind(scratch / "calls", "/calls", writable=True)
        with runs.served() if runs is not None else nullcontext():
            done = sandbox.run(["bash", "test.sh"], binds=binds, cwd="TESTS_DIR", timeout_s=task.gate_timeout_s)
        if runs is not None:
            if runs.fault is not None:
                raise runs.fault
            done = _with_verdict(done, runs.nonce)
    if transcript is not None:
        transcript.parent.mkdir(parents=True, exist_ok=True)
        transcript.write_bytes(done.output)
    return GateEnd(
        exit_code=done.exit_code,
        reason=_reason(done, task.gate_timeout_s),
        seconds=done.seconds,
        sha256=tree_sha256(task.tests),
    )


def _with_verdict(done: Completed, nonce: str) -> Completed:
    """Without the line that says the verdict; where it is missing or says another than the exit code, a fault."""
    lines = done.output.splitlines(keepends=True)
    said = f"VERDICT {nonce} {done.exit_code}\n".encode()
    output = b"".join(line for line in lines if nonce.encode() not in line)
    if done.exit_code not in (0, 1) or said in lines:
        return replace(done, output=output)
    return replace(done, exit_code=NO_VERDICT, output=output + b"REASON: GATE_FAULT it ended without its verdict\n")


def _reason(done: Completed, timeout_s: float) -> str:
    """The gate's last REASON line, or what happened where it has none."""
    said = _REASON.findall(done.output.decode("utf-8", "replace"))
    if done.exit_code is None:
        return f"GATE_FAULT no verdict within {timeout_s:g} s"
    if done.out_of_memory and done.exit_code != 0:
        return "GATE_FAULT out of memory: killed at the sandbox's bound"
    if done.exit_code not in (0, 1):
        detail = said[-1].removeprefix("GATE_FAULT ") if said else "no reason given"
        return f"GATE_FAULT exit code {done.exit_code}: {detail}"
    if said:
        return str(said[-1])
    return "PASS" if done.exit_code == 0 else "FAIL"
