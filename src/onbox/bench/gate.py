"""Grade what an agent left behind: outside its sandbox, on a copy, by the task's gate alone.

A gate of Harbor's kind writes a reward below /logs/verifier, and its exit code decides nothing (`rewards.py`); it is
started as Harbor starts it, in the WORKDIR. A task may say instead that the exit code of its gate is the verdict.

A gate that judges apart (`metadata.gate = "apart"`) has the code under test run for it (`code_runs.py`), and its
verdict counts only with the word that it was told at its start. Any other may run the code beside itself: the audit
marks it as open to cheating.
"""

import re
import shutil
import stat
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from onbox.atomic_files import write_atomic
from onbox.bench import rewards
from onbox.bench.code_runs import CodeRuns
from onbox.bench.sandbox import Bind, CommandResult, CommandSpec, Sandbox
from onbox.bench.tasks import Task, tree_sha256
from onbox.bench.workspace import snapshot
from onbox.evidence.records import GateEnd, GateLimit
from onbox.scratch import scratch_folder

JUDGING_S = 20.0
"""For a gate that judges apart, beyond its time limit: the code under test has all of that, and a gate whose code used
it up still says so."""

REPLY = "agent/reply.md"
"""Where, below LOGS_DIR, a gate finds the agent's last message."""

LOGS = ("agent", rewards.FOLDER, "artifacts")
"""The folders that Harbor makes below LOGS_DIR."""

NO_VERDICT = 3
"""The exit code of a gate that ended without its word, or without a reward."""

OUTPUT = "test-stdout.txt"
"""Where, beside the rewards, Harbor has what the script prints."""
OUTPUT_BYTES = 65_536

AS_HARBOR = '("$1") >"$2" 2>&1'
"""How Harbor starts a script: by its own first line, in the folder of the command."""

OUT_OF_MEMORY = "out of memory: killed at the sandbox's bound"

_REASON = re.compile(r"^REASON: (.+)$", re.MULTILINE)


def grade(
    task: Task,
    workspace: Path,
    reply: str,
    sandbox: Sandbox,
    *,
    transcript: Path | None = None,
    scratch_parent: Path | None = None,
) -> GateEnd:
    """Run the task's gate on a copy of the workspace, in a fresh sandbox.

    The gate finds the copy in APP_DIR, its own files in TESTS_DIR and the reply in LOGS_DIR/agent/reply.md. By its
    reward or its exit code it says 0 for pass and 1 for fail; anything else, and a timeout, is a fault of the gate: the
    reason begins with GATE_FAULT. The agent's processes must be dead.

    Args:
        task: the task whose gate judges.
        workspace: what the agent left; links and special files are not copied.
        reply: the agent's last message.
        sandbox: where the gate runs.
        transcript: a file for all that the gate printed.
        scratch_parent: where the copy is made; the system's temporary folder if left out.

    Raises:
        BoxError: the sandbox could not start.
    """
    with scratch_folder("gate", scratch_parent) as scratch:
        app, logs, tests = scratch / "app", scratch / "logs", scratch / "tests"
        snapshot(workspace, app)
        runs = CodeRuns(scratch / "calls", app, sandbox, task.gate_timeout_s) if task.judges_apart else None
        # A copy, because not every sandbox keeps a command from changing the modes of files it may only read.
        shutil.copytree(task.tests, tests)
        for name in LOGS:
            (logs / name).mkdir(parents=True)
        (logs / REPLY).write_text(reply, "utf-8", errors="replace")
        by_reward = task.decides == "reward"
        binds = {
            "APP_DIR": Bind(app, "/app", writable=runs is None),
            "TESTS_DIR": Bind(tests, "/tests", writable=by_reward),
            "LOGS_DIR": Bind(logs, "/logs", writable=True),
        }
        if runs is not None:
            binds["CALLS_DIR"] = Bind(scratch / "calls", "/calls", writable=True)
        argv, cwd = ["bash", "test.sh"], "TESTS_DIR"
        if by_reward:
            script = tests / "test.sh"
            script.chmod(script.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
            output = f"{sandbox.place(binds['LOGS_DIR'])}/{rewards.FOLDER}/{OUTPUT}"
            argv = ["bash", "-c", AS_HARBOR, "bash", f"{sandbox.place(binds['TESTS_DIR'])}/test.sh", output]
            cwd = "APP_DIR"
        with runs.served() if runs is not None else nullcontext():
            done = sandbox.run(
                CommandSpec(
                    argv,
                    binds=binds,
                    cwd=cwd,
                    timeout_s=task.gate_timeout_s + (JUDGING_S if runs is not None else 0),
                    env=dict(task.gate_variables),
                    network=task.network,
                )
            )
        if runs is not None:
            if runs.fault is not None:
                raise runs.fault
            done = _with_verdict(done, runs.nonce)
        if by_reward:
            return _by_reward(task, done, logs / rewards.FOLDER, transcript)
    _keep(done.output, transcript)
    return GateEnd(
        exit_code=done.exit_code,
        reason=_reason(done, task.gate_timeout_s),
        seconds=done.seconds,
        sha256=tree_sha256(task.tests),
        limit=_limit(done.exit_code, done),
    )


def _by_reward(task: Task, done: CommandResult, folder: Path, transcript: Path | None) -> GateEnd:
    """The end of a gate whose reward is the verdict."""
    printed = rewards.tail_of(folder / OUTPUT, OUTPUT_BYTES)
    done = replace(done, output=done.output + printed)
    _keep(done.output, transcript)
    found: dict[str, float] = {}
    wanted: dict[str, float] = {}
    words = _REASON.findall(done.output.decode("utf-8", "replace"))
    if done.exit_code is None:
        code, reason = None, _reason(done, task.gate_timeout_s)
    else:
        try:
            found = rewards.read_rewards(folder)
            wanted = rewards.judged(found, dict(task.reward_min))
        except rewards.RewardError as error:
            how = OUT_OF_MEMORY if done.out_of_memory else str(error)
            code, reason = NO_VERDICT, f"GATE_FAULT {how}; its script ended with exit code {done.exit_code}"
        else:
            missed = rewards.below(found, wanted)
            code, reason = (1 if missed else 0), words[-1] if words else ("FAIL" if missed else "PASS")
            reason = f"{reason} ({', '.join(missed)})" if missed else reason
    return GateEnd(
        exit_code=code,
        reason=reason,
        seconds=done.seconds,
        sha256=tree_sha256(task.tests),
        rewards=found,
        reward_min=wanted,
        script_exit_code=done.exit_code,
        limit=_limit(code, done),
    )


def _limit(exit_code: int | None, done: CommandResult) -> GateLimit | None:
    """What a gate without a verdict had used up when it was killed."""
    if done.over_disk:
        return GateLimit.DISK
    if exit_code is None:
        return GateLimit.TIME
    return GateLimit.MEMORY if done.out_of_memory and exit_code not in (0, 1) else None


def _keep(output: bytes, transcript: Path | None) -> None:
    if transcript is not None:
        write_atomic(transcript, output)


def _with_verdict(done: CommandResult, nonce: str) -> CommandResult:
    """Without the line that says the verdict; where it is missing or says another than the exit code, a fault."""
    lines = done.output.splitlines(keepends=True)
    verdict_line = f"VERDICT {nonce} {done.exit_code}\n".encode()
    output = b"".join(line for line in lines if nonce.encode() not in line)
    if done.exit_code not in (0, 1) or verdict_line in lines:
        return replace(done, output=output)
    return replace(done, exit_code=NO_VERDICT, output=output + b"REASON: GATE_FAULT it ended without its verdict\n")


def _reason(done: CommandResult, timeout_s: float) -> str:
    """The gate's last REASON line, or what happened where it has none."""
    reasons = _REASON.findall(done.output.decode("utf-8", "replace"))
    if done.over_disk:
        return "GATE_FAULT disk: killed at the sandbox's bound"
    if done.exit_code is None:
        return f"GATE_FAULT no verdict within {timeout_s:g} s"
    if done.out_of_memory and done.exit_code != 0:
        return f"GATE_FAULT {OUT_OF_MEMORY}"
    if done.exit_code not in (0, 1):
        detail = reasons[-1].removeprefix("GATE_FAULT ") if reasons else "no reason given"
        return f"GATE_FAULT exit code {done.exit_code}: {detail}"
    if reasons:
        return str(reasons[-1])
    return "PASS" if done.exit_code == 0 else "FAIL"
