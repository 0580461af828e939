"""Whether a task needs the network: its reference solution and its gate are tried without one, before anything runs.

Only the task's own files take part, never what an agent leaves: no model can turn its failure into a missing network.
"""

from onbox.bench.audit.subject import AuditSubject
from onbox.bench.gate import grade
from onbox.bench.network_words import NetworkNeed, need_by_output, need_by_script
from onbox.bench.sandbox import Sandbox
from onbox.bench.tasks import Task
from onbox.scratch import scratch_folder

GATE, SOLUTION = "tests/test.sh", "solution/solve.sh"


def needs_of_network(task: Task, sandbox: Sandbox) -> list[NetworkNeed]:
    """What of a task does not come to its end without a network; empty where nothing shows that it needs one.

    A gate that passes what the reference solution leaves needs none. Without a solution only what its commands say
    counts, because a gate has to fail on an untouched workspace.

    Raises:
        BoxError: the sandbox could not start.
    """
    with scratch_folder("network") as scratch:
        subject = AuditSubject(task, sandbox, scratch / "subject")
        solved = (task.path / SOLUTION).is_file()
        left = subject.oracle() if solved else None
        app, reply = (left.app, left.reply) if left is not None else (subject.fresh(), "")
        transcript = scratch / "gate.txt"
        end = grade(task, app, reply, subject.sandbox, transcript=transcript)
        if end.exit_code == 0:
            return []
        printed = {GATE: transcript.read_text("utf-8", "replace")}
        if left is not None:
            printed = {SOLUTION: left.printed, **printed}
        texts = {name: (task.path / name).read_text("utf-8", "replace") for name in printed}
        found = [need_by_output(name, texts[name], output) for name, output in printed.items()]
        if not any(found) and (solved or end.exit_code != 1):
            found = [need_by_script(name, text) for name, text in texts.items()]
        return [need for need in found if need is not None]
