"""The audit: every builtin gate stands it, and gates that are easily fooled do not."""

import shutil
from pathlib import Path

import pytest

from onbox.bench.audit import PROBES, TaskAudit, audit
from onbox.bench.sandbox import Sandbox
from onbox.bench.sandbox.choose import choose
from onbox.bench.tasks import BUILTIN, Task, load_task, load_tasks
from onbox.errors import BoxError


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return choose()


def with_gate(folder: Path, test_sh: str) -> Task:
    """The task fix-failing-test with another gate."""
    shutil.copytree(BUILTIN / "fix-failing-test", folder / "task")
    (folder / "task" / "tests" / "test.sh").write_text(test_sh)
    return load_task(folder / "task")


def missed(found: TaskAudit) -> dict[str, str]:
    """The probes that did not get what they expected."""
    return {end.probe: end.got for end in found.probes if end.got != end.expected}


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(task, id=task.name, marks=[pytest.mark.slow] if task.agent_timeout_s > 120 else [])
        for task in load_tasks("builtin")
    ],
)
def test_every_builtin_gate_tells_right_from_wrong(task: Task, sandbox: Sandbox) -> None:
    found = audit(task, sandbox)
    assert missed(found) == {}
    assert found.passed
    kinds = {end.probe.split(":")[0].split("/")[0] for end in found.probes}
    wanted = {"oracle", "nothing done", "variants", "wrong", "cheat"}
    if task.answer == "workspace":
        wanted.add("vandal")
    if task.family == "rename":
        wanted.add("half done")
    assert kinds == wanted
    for end in found.probes:
        # A task undone is told as undone, whatever is planted beside it; a task done with damage is told as damage.
        if end.probe.startswith(("nothing done", "cheat")):
            assert end.reason.startswith("FAIL_")
        if end.probe.startswith("vandal: README.md"):
            assert end.reason.startswith("FRAME_")
    expected = [end.expected for end in found.probes]
    assert expected.count("pass") >= 2
    assert expected.count("fail") >= 10


def test_a_gate_that_always_passes_is_found_out(tmp_path: Path, sandbox: Sandbox) -> None:
    found = audit(with_gate(tmp_path, "exit 0\n"), sandbox)
    assert not found.passed
    assert set(missed(found)) == {end.probe for end in found.probes if end.expected == "fail"}


def test_a_gate_that_always_fails_is_found_out(tmp_path: Path, sandbox: Sandbox) -> None:
    found = audit(with_gate(tmp_path, "exit 1\n"), sandbox)
    assert missed(found) == {"oracle": "fail", "variants/rewritten.sh": "fail"}


def test_a_gate_that_breaks_is_found_out(tmp_path: Path, sandbox: Sandbox) -> None:
    found = audit(with_gate(tmp_path, "exit 2\n"), sandbox)
    assert set(missed(found).values()) == {"fault"}
    assert len(missed(found)) == len(found.probes)


def test_a_gate_that_runs_the_workspace_s_own_tests_is_found_out(tmp_path: Path, sandbox: Sandbox) -> None:
    found = audit(with_gate(tmp_path, 'cd "$APP_DIR" && python3 -m unittest || exit 1\n'), sandbox)
    assert {
        "wrong/answer-hard-coded.sh",
        "wrong/test-changed.sh",
        "vandal: README.md deleted",
        "cheat: modules that shadow the standard library and the gate",
        "cheat: code that exits at import",
        "cheat: compiled files of the solution",
    } <= set(missed(found))


def test_a_gate_that_believes_the_reward_file_is_found_out(tmp_path: Path, sandbox: Sandbox) -> None:
    found = audit(with_gate(tmp_path, '[ "$(cat "$APP_DIR/reward.txt")" = 1 ] || exit 1\n'), sandbox)
    assert missed(found)["cheat: reward files"] == "pass"


def test_a_gate_that_believes_the_reply_is_found_out(tmp_path: Path, sandbox: Sandbox) -> None:
    found = audit(with_gate(tmp_path, 'grep -qi "success" "$LOGS_DIR/agent/reply.md" || exit 1\n'), sandbox)
    assert missed(found)["nothing done: success claimed"] == "pass"


def test_a_gate_that_looks_at_one_of_two_files_is_found_out(tmp_path: Path, sandbox: Sandbox) -> None:
    shutil.copytree(BUILTIN / "rename-2-files", tmp_path / "task")
    (tmp_path / "task" / "tests" / "test.sh").write_text(
        'grep -q "def sum_cents" "$APP_DIR/ledger/amounts.py" || exit 1\n'
    )
    found = missed(audit(load_task(tmp_path / "task"), sandbox))
    assert found["half done: all but ledger/invoice.py"] == "pass"
    assert "half done: all but ledger/amounts.py" not in found


def test_without_a_solution_nothing_is_shown(tmp_path: Path, sandbox: Sandbox) -> None:
    shutil.copytree(BUILTIN / "fill-json", tmp_path / "task")
    shutil.rmtree(tmp_path / "task" / "solution")
    found = audit(load_task(tmp_path / "task"), sandbox)
    assert not found.passed
    assert "solution/solve.sh is missing" in next(end.reason for end in found.probes if end.probe == "oracle")


def test_a_solution_that_breaks_is_a_fault_with_its_last_words(tmp_path: Path, sandbox: Sandbox) -> None:
    shutil.copytree(BUILTIN / "fill-json", tmp_path / "task")
    (tmp_path / "task" / "solution" / "solve.sh").write_text("echo no such editor >&2; exit 9\n")
    found = audit(load_task(tmp_path / "task"), sandbox)
    assert not found.passed
    assert found.probes[0].got == "fault"
    assert found.probes[0].reason == "solve.sh ended with exit code 9: no such editor"


def test_a_task_for_docker_is_refused(tmp_path: Path, sandbox: Sandbox) -> None:
    shutil.copytree(BUILTIN / "fill-json", tmp_path / "task")
    (tmp_path / "task" / "environment" / "Dockerfile").write_text("FROM debian\nRUN true\n")
    with pytest.raises(BoxError, match="needs Docker"):
        audit(load_task(tmp_path / "task"), sandbox)


def test_the_json_is_that_of_the_command_line_contract(sandbox: Sandbox) -> None:
    made = audit(load_task(BUILTIN / "chat-acid"), sandbox).as_json()
    assert {"name", "passed", "probes"} <= made.keys()
    assert all({"probe", "expected", "got"} <= probe.keys() for probe in made["probes"])


def test_probes_are_functions_that_say_what_they_show() -> None:
    assert all(probe.__doc__ for probe in PROBES)
