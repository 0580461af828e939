"""The audit: every builtin gate stands it, and gates that are easily fooled do not."""

import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from onbox.bench.assembly import assembled
from onbox.bench.audit import TaskAudit, admission, audit, audit_all
from onbox.bench.audit.admission import admit, fit, missing_programs
from onbox.bench.audit.probes import (
    PROBES,
    REPEATS,
    SEEDS,
    cheat,
    compiled,
    half_done,
    nothing_done,
    oracle,
    rewritten,
    seeds,
    vandal,
    wrong,
)
from onbox.bench.audit.subject import AuditSubject
from onbox.bench.sandbox import Sandbox
from onbox.bench.sandbox.choose import choose
from onbox.bench.sandbox.none import Unsafe
from onbox.bench.tasks import BUILTIN, Task, load_task, load_tasks
from onbox.errors import BadSubjectError, BoxError
from tests.gates import with_own_gate


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return choose()


def with_gate(folder: Path, test_sh: str) -> Task:
    """The task fix-failing-test with another gate."""
    shutil.copytree(assembled(BUILTIN / "fix-failing-test"), folder / "task")
    return load_task(with_own_gate(folder / "task", test_sh))


def missed(found: TaskAudit) -> dict[str, str]:
    """The probes that did not get what they expected."""
    return {end.probe: end.got for end in found.probes if end.got != end.expected}


@pytest.fixture(scope="module")
def audits(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[dict[str, Future[TaskAudit]]]:
    """The audits of the builtin tasks that are asked for in this session, two at a time."""
    calls = [item.callspec for item in request.session.items if hasattr(item, "callspec")]
    tasks = {task.name: task for call in calls if isinstance(task := call.params.get("task"), Task)}
    missing = missing_programs(list(tasks.values()), sandbox)
    pool = ThreadPoolExecutor(2)
    yield {name: pool.submit(audit, task, sandbox) for name, task in tasks.items() if name not in missing}
    pool.shutdown(cancel_futures=True)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("task", load_tasks("builtin"), ids=lambda task: task.name)
def test_every_builtin_gate_tells_right_from_wrong(task: Task, audits: dict[str, Future[TaskAudit]]) -> None:
    if task.name not in audits:
        pytest.skip(f"{', '.join(task.needs)} is not in the sandbox")
    found = audits[task.name].result()
    assert missed(found) == {}
    assert found.passed
    kinds = {end.probe.split(":")[0].split("/")[0] for end in found.probes}
    wanted = {"oracle", "nothing done", "wrong", "cheat"}
    if list(task.environment.glob("app/*")):
        wanted.add("vandal")
    if task.generated:
        wanted |= {f"seed {seed}" for seed in SEEDS}
    if task.family in ("rename", "ts-rename"):
        wanted.add("half done")
    assert wanted <= kinds
    assert kinds & {"variants", "rewritten"}
    assert f"oracle: {REPEATS} times the same" in {end.probe for end in found.probes}
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
    assert set(missed(found)) == {end.probe for end in found.probes if end.expected == "pass"}
    assert {"oracle", "variants/rewritten.sh", "rewritten: Python laid out anew"} <= set(missed(found))


def test_a_gate_that_breaks_is_found_out(tmp_path: Path, sandbox: Sandbox) -> None:
    found = audit(with_gate(tmp_path, "exit 2\n"), sandbox)
    assert set(missed(found).values()) == {"fault"}
    assert len(missed(found)) == len(found.probes)


BESIDE_THE_GATE = [wrong, vandal, cheat, compiled]


def test_a_gate_that_runs_the_workspace_s_own_tests_is_found_out(tmp_path: Path, sandbox: Sandbox) -> None:
    found = audit(with_gate(tmp_path, 'cd "$APP_DIR" && python3 -m unittest || exit 1\n'), sandbox, BESIDE_THE_GATE)
    assert {
        "wrong/answer-hard-coded.sh",
        "wrong/test-changed.sh",
        "vandal: README.md deleted",
        "cheat: modules that shadow the standard library and the gate",
        "cheat: code that exits at import",
        "cheat: compiled files of the solution",
    } <= set(missed(found))


def test_a_gate_that_believes_the_reward_file_is_found_out(tmp_path: Path, sandbox: Sandbox) -> None:
    found = audit(with_gate(tmp_path, '[ "$(cat "$APP_DIR/reward.txt")" = 1 ] || exit 1\n'), sandbox, [cheat])
    assert missed(found)["cheat: reward files"] == "pass"


def test_a_gate_that_believes_the_reply_is_found_out(tmp_path: Path, sandbox: Sandbox) -> None:
    found = audit(
        with_gate(tmp_path, 'grep -qi "success" "$LOGS_DIR/agent/reply.md" || exit 1\n'), sandbox, [nothing_done]
    )
    assert missed(found)["nothing done: success claimed"] == "pass"


def test_a_gate_that_looks_at_one_of_two_files_is_found_out(tmp_path: Path, sandbox: Sandbox) -> None:
    shutil.copytree(assembled(BUILTIN / "rename-2-files"), tmp_path / "task")
    with_own_gate(tmp_path / "task", 'grep -q "def sum_cents" "$APP_DIR/ledger/amounts.py" || exit 1\n')
    found = missed(audit(load_task(tmp_path / "task"), sandbox, [half_done]))
    assert found["half done: all but ledger/invoice.py"] == "pass"
    assert "half done: all but ledger/amounts.py" not in found


def test_without_a_solution_nothing_is_shown(tmp_path: Path, sandbox: Sandbox) -> None:
    shutil.copytree(assembled(BUILTIN / "fill-json"), tmp_path / "task")
    shutil.rmtree(tmp_path / "task" / "solution")
    found = audit(load_task(tmp_path / "task"), sandbox, [oracle, nothing_done])
    assert not found.passed
    assert "solution/solve.sh is missing" in next(end.reason for end in found.probes if end.probe == "oracle")


def test_a_solution_that_breaks_is_a_fault_with_its_last_words(tmp_path: Path, sandbox: Sandbox) -> None:
    shutil.copytree(assembled(BUILTIN / "fill-json"), tmp_path / "task")
    (tmp_path / "task" / "solution" / "solve.sh").write_text("echo no such editor >&2; exit 9\n")
    found = audit(load_task(tmp_path / "task"), sandbox, [oracle])
    assert not found.passed
    assert found.probes[0].got == "fault"
    assert found.probes[0].reason == "solve.sh ended with exit code 9: no such editor"


def test_a_task_for_docker_is_refused(tmp_path: Path, sandbox: Sandbox) -> None:
    shutil.copytree(assembled(BUILTIN / "fill-json"), tmp_path / "task")
    (tmp_path / "task" / "environment" / "Dockerfile").write_text("FROM debian\nRUN true\n")
    with pytest.raises(BoxError, match="needs Docker"):
        audit(load_task(tmp_path / "task"), sandbox)


def test_the_json_is_that_of_the_command_line_contract(sandbox: Sandbox) -> None:
    made = audit(load_task(BUILTIN / "chat-acid"), sandbox, [oracle, nothing_done]).as_json()
    assert {"name", "passed", "probes"} <= made.keys()
    assert made["open_to_cheating"] is False
    assert all({"probe", "expected", "got"} <= probe.keys() for probe in made["probes"])


def test_each_place_of_the_solution_is_left_out_once(sandbox: Sandbox, tmp_path: Path) -> None:
    ends = half_done(AuditSubject(load_task(BUILTIN / "rename-2-files"), sandbox, tmp_path))
    probes = [end.probe.removeprefix("half done: all but ") for end in ends]
    files = [probe for probe in probes if ", line" not in probe]
    assert files == ["ledger/amounts.py", "ledger/invoice.py"]
    assert len(set(probes) - set(files)) == len(probes) - len(files) == 3
    assert all(probe.startswith("ledger/invoice.py, line ") for probe in set(probes) - set(files))


def test_a_gate_that_looks_at_the_text_is_found_out(tmp_path: Path, sandbox: Sandbox) -> None:
    app = '"$APP_DIR/shapes.py"'
    gate = f"sed -n 3p {app} | grep -q 'width \\* height' && sed -n 8p {app} | grep -q 'width + height' || exit 1\n"
    found = missed(audit(with_gate(tmp_path, gate), sandbox, [rewritten]))
    assert found["rewritten: Python laid out anew"] == "fail"


def test_a_gate_that_decides_by_chance_is_found_out(tmp_path: Path, sandbox: Sandbox) -> None:
    gate = 'echo "REASON: FAIL_$(date +%N)"; grep -q "width \\* height" "$APP_DIR/shapes.py"\n'
    found = audit(with_gate(tmp_path, gate), sandbox, [nothing_done])
    ends = {end.probe: end for end in found.probes}
    assert ends[f"nothing done: {REPEATS} times the same"].got == "fault"
    assert " but also FAIL_" in ends[f"nothing done: {REPEATS} times the same"].reason
    assert not found.passed


def test_a_generator_that_is_not_deterministic_is_found_out(tmp_path: Path, sandbox: Sandbox) -> None:
    task = with_gate(tmp_path, "exit 1\n")
    (task.path / "generate.py").write_text("import time\nopen('instruction.md', 'w').write(str(time.time_ns()))\n")
    found = missed(audit(load_task(task.path), sandbox, [seeds]))
    assert found["seed 1: made twice the same"] == "fail"
    (task.path / "generate.py").write_text("raise SystemExit(1)\n")
    found = missed(audit(load_task(task.path), sandbox, [seeds]))
    assert found["seed 1: made"] == "fault"


# ---------------------------------------------------------------- admission


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ONBOX_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_task_is_audited_once_and_again_when_it_changed(
    tmp_path: Path, sandbox: Sandbox, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # How often is the question here, and not what an audit asks.
    monkeypatch.setattr(admission, "audit", partial(audit, probes=[oracle, nothing_done]))
    shutil.copytree(assembled(BUILTIN / "fill-json"), tmp_path / "task")
    audited: list[str] = []
    admit([load_task(tmp_path / "task")], sandbox, audited.append)
    admit([load_task(tmp_path / "task")], sandbox, audited.append)
    assert audited == ["task"]
    (tmp_path / "task" / "instruction.md").write_text("Fill in config.json.")
    admit([load_task(tmp_path / "task")], sandbox, audited.append)
    assert audited == ["task", "task"]
    assert len(list(own_cache.glob("audits/*.json"))) == 2


def test_a_task_that_fails_its_audit_does_not_score(tmp_path: Path, sandbox: Sandbox, own_cache: Path) -> None:
    task = with_gate(tmp_path, "exit 0\n")
    for _ in range(2):
        with pytest.raises(BadSubjectError, match="task: fails its audit: nothing done: expected fail, got") as raised:
            admit([task], sandbox)
        assert "--no-audit" in raised.value.next_step
    assert not list(own_cache.glob("audits/*.json"))


def test_a_task_whose_program_is_not_here_is_left_out_in_words(tmp_path: Path, sandbox: Sandbox) -> None:
    shutil.copytree(assembled(BUILTIN / "fill-json"), tmp_path / "task")
    toml = tmp_path / "task" / "task.toml"
    toml.write_text(toml.read_text().replace("[metadata]", '[metadata]\nneeds = ["bash", "no-such-program"]'))
    here, away = load_task(BUILTIN / "fill-json"), load_task(tmp_path / "task")
    messages: list[tuple[str, str]] = []
    assert fit([here, away], sandbox, lambda name, why: messages.append((name, why.message))) == [here]
    assert messages == [("task", "needs no-such-program, which is not in the sandbox")]
    with pytest.raises(BoxError, match="task: needs no-such-program"):
        fit([away], sandbox)


@pytest.mark.bwrap
def test_a_gate_that_writes_to_logs_needs_a_sandbox_that_shows_them(tmp_path: Path, sandbox: Sandbox) -> None:
    shutil.copytree(assembled(BUILTIN / "fill-json"), tmp_path / "task")
    toml = tmp_path / "task" / "task.toml"
    toml.write_text(toml.read_text().replace('gate = "apart"\nverdict = "exit-code"\n', ""))
    task = load_task(tmp_path / "task")
    assert fit([task], sandbox) == [task]
    with pytest.raises(BoxError, match="its gate writes its reward to /logs, which the sandbox none cannot show"):
        fit([task], Unsafe())


def test_audits_of_many_come_in_the_order_of_the_tasks(sandbox: Sandbox) -> None:
    tasks = load_tasks("builtin", ["fix-failing-test", "chat-acid"])
    assert [found.name for found in audit_all(tasks, sandbox, probes=[nothing_done])] == [
        "fix-failing-test",
        "chat-acid",
    ]


def test_probes_are_functions_that_say_what_they_show() -> None:
    assert all(probe.__doc__ for probe in PROBES)
