"""Gates: the exit code is the verdict, and nothing that an agent leaves behind can break or rig them."""

import os
import re
import shutil
import time
from pathlib import Path

import pytest

from onbox.bench.gate import grade
from onbox.bench.sandbox import Bind, CommandSpec, Sandbox
from onbox.bench.sandbox.choose import choose
from onbox.bench.tasks import BUILTIN, Task, load_task, tree_sha256
from onbox.bench.workspace import make_workspace
from onbox.evidence.records import GateLimit


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return choose()


def solved(task: Task, app: Path, sandbox: Sandbox) -> str:
    """Solve the task in `app` as its author does; the reply."""
    make_workspace(task, app)
    logs = app.with_name("solver-logs")
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir()
    binds = {
        "APP_DIR": Bind(app, "/app", writable=True),
        "LOGS_DIR": Bind(logs, "/logs", writable=True),
        "SOLUTION_DIR": Bind(task.solution, "/solution"),
    }
    assert sandbox.run(CommandSpec(["bash", "solve.sh"], binds=binds, cwd="SOLUTION_DIR", timeout_s=30)).exit_code == 0
    reply = logs / "agent" / "reply.md"
    return reply.read_text() if reply.exists() else ""


def task_with_gate(folder: Path, test_sh: str, timeout_s: float = 20) -> Task:
    """The smallest task, with a gate of one's own."""
    for name, text in {
        "instruction.md": "Do it.",
        "task.toml": f"[verifier]\ntimeout_sec = {timeout_s}\n[metadata]\nverdict = 'exit-code'\n",
        "environment/Dockerfile": "FROM scratch\n",
        "tests/test.sh": test_sh,
    }.items():
        (folder / "task" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "task" / name).write_text(text)
    return load_task(folder / "task")


# ---------------------------------------------------------------- the verdict


def test_a_gate_that_fills_the_disk_is_ended_and_says_so(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onbox.bench.sandbox.disk_watch.BYTES_MAX", 32 << 20)
    fills = "cd $APP_DIR; for n in $(seq 400); do head -c 1048576 /dev/zero > f$n; sleep 0.02; done"
    task = task_with_gate(tmp_path, fills, timeout_s=120)
    (tmp_path / "app").mkdir()
    end = grade(task, tmp_path / "app", "", sandbox)
    assert (end.exit_code, end.limit) == (None, GateLimit.DISK)
    assert "disk" in end.reason


@pytest.mark.parametrize(
    ("test_sh", "exit_code", "reason"),
    [
        ("exit 0", 0, "PASS"),
        ("exit 1", 1, "FAIL"),
        ("echo 'REASON: FAIL_A a'; echo 'REASON: FAIL_B b'; exit 1", 1, "FAIL_B b"),
        ("echo 'REASON: PASS'; exit 1", 1, "PASS"),
        ("echo 'no REASON: here'; exit 1", 1, "FAIL"),
        ("exit 7", 7, "GATE_FAULT exit code 7: no reason given"),
        ("echo 'REASON: GATE_FAULT KeyError: x'; exit 2", 2, "GATE_FAULT exit code 2: KeyError: x"),
        ("printf '\\377\\n'; printf 'REASON: FAIL_\\303\\251\\n'; exit 1", 1, "FAIL_é"),
    ],
)
def test_the_exit_code_is_the_verdict(
    tmp_path: Path, sandbox: Sandbox, test_sh: str, exit_code: int, reason: str
) -> None:
    end = grade(task_with_gate(tmp_path, test_sh), tmp_path, "", sandbox)
    assert (end.exit_code, end.reason, end.limit) == (exit_code, reason, None)


def test_a_gate_without_an_end_is_a_fault(tmp_path: Path, sandbox: Sandbox) -> None:
    end = grade(task_with_gate(tmp_path, "echo REASON: PASS; sleep 60", timeout_s=0.5), tmp_path, "", sandbox)
    assert (end.exit_code, end.reason, end.limit) == (None, "GATE_FAULT no verdict within 0.5 s", GateLimit.TIME)


def test_the_gate_gets_a_copy_the_reply_and_nothing_to_spoil(tmp_path: Path, sandbox: Sandbox) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "a").write_text("as it was")
    script = """
    grep -q 'as it was' "$APP_DIR/a" && [ "$(cat "$LOGS_DIR/agent/reply.md")" = 'Done: é?' ] || exit 3
    rm "$APP_DIR/a" || exit 4
    touch "$TESTS_DIR/new" 2>/dev/null && exit 5
    echo "REASON: SEEN"
    """
    task = task_with_gate(tmp_path, script)
    end = grade(task, app, "Done: é\udcff", sandbox, transcript=tmp_path / "run" / "gate.txt")
    assert (end.exit_code, end.reason) == (0, "SEEN")
    assert (app / "a").read_text() == "as it was"
    assert (tmp_path / "run" / "gate.txt").read_text() == "REASON: SEEN\n"
    assert end.sha256 == tree_sha256(task.tests)


def test_what_the_gate_is_changes_its_hash(tmp_path: Path, sandbox: Sandbox) -> None:
    one = grade(task_with_gate(tmp_path / "1", "exit 0"), tmp_path, "", sandbox)
    two = grade(task_with_gate(tmp_path / "2", "exit 0 "), tmp_path, "", sandbox)
    assert one.sha256 != two.sha256


# ---------------------------------------------------------------- the builtin gates


def test_odd_files_left_behind_do_not_turn_a_pass(tmp_path: Path, sandbox: Sandbox) -> None:
    app = tmp_path / "app"
    task = load_task(BUILTIN / "rename-2-files")
    solved(task, app, sandbox)
    (app / "loop").symlink_to(".")
    os.mkfifo(app / "pipe")
    with (app / "sparse.py").open("wb") as file:
        file.truncate(1 << 40)
    Path(os.fsdecode(bytes(app) + b"/\xff\n.txt")).write_text("odd")
    (app / ".pytest_cache" / "v").mkdir(parents=True)
    (app / ".pytest_cache" / "v" / "nodeids.py").write_text("add_numbers(")
    assert grade(task, app, "", sandbox).reason == "PASS"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("ledger/invoice.py", b"def (", "FAIL_SYNTAX"),
        ("ledger/invoice.py", b"a = 1\0", "FAIL_SYNTAX"),
        ("ledger/invoice.py", b"a = " + b"(" * 5000, "FAIL_SYNTAX"),
        ("ledger/more.py", b"a = " + b"-" * 50_000 + b"1\n", "FAIL_SYNTAX"),
        ("ledger/invoice.py", b"# \xff\n", "FAIL_NOT_TEXT"),
        ("ledger/invoice.py", b"raise SystemExit(0)\n", "FAIL_RUN"),
        ("ledger/invoice.py", None, "FAIL_RUN"),
        ("README.md", None, "FRAME_FILE_DELETED"),
        ("json.py", b"", "FRAME_PLANTED"),
        ("tests/conftest.py", b"", "FRAME_PLANTED"),
        ("ledger/amounts.so", b"", "FRAME_PLANTED"),
    ],
)
def test_what_the_agent_broke_is_a_fail_and_no_fault(
    tmp_path: Path, sandbox: Sandbox, name: str, content: bytes | None, reason: str
) -> None:
    app = tmp_path / "app"
    task = load_task(BUILTIN / "rename-2-files")
    solved(task, app, sandbox)
    if content is None:
        (app / name).unlink()
    else:
        (app / name).write_bytes(content)
    end = grade(task, app, "", sandbox)
    assert end.exit_code == 1
    assert end.reason.startswith(reason)


@pytest.mark.parametrize("attack", [
    "[os.open(f'/proc/{name}/root/tests/gate.py', 0) for name in os.listdir('/proc') if name.isdigit()]",
    "open('/tests/gate.py')",
    "open('/logs/verifier/reward.txt', 'w')",
    "open(os.environ['APP_DIR'] + '/new.py', 'w')",
    "os.mkdir(os.environ['APP_DIR'] + '/new')",
    "os.open(os.environ['CALLS_DIR'], 0)",
])  # fmt: skip
def test_the_code_under_test_cannot_reach_the_gate(tmp_path: Path, sandbox: Sandbox, attack: str) -> None:
    task = load_task(BUILTIN / "fix-failing-test")
    app = tmp_path / "app"
    solved(task, app, sandbox)
    shapes = app / "shapes.py"
    shapes.write_text(f"import os\n{attack}\n{shapes.read_text()}")
    end = grade(task, app, "", sandbox)
    assert end.exit_code == 1
    assert re.match("FAIL_RUN (FileNotFound|Permission|OS|Key)Error", end.reason)


def test_code_that_minds_its_own_business_may_start_processes_and_end_them(tmp_path: Path, sandbox: Sandbox) -> None:
    task = load_task(BUILTIN / "fix-failing-test")
    app = tmp_path / "app"
    solved(task, app, sandbox)
    shapes = app / "shapes.py"
    busy = "import os, subprocess, tempfile\nsubprocess.run(['true'], check=True)\ntempfile.mkdtemp()\nprint('X')\n"
    shapes.write_text(busy + "if os.fork() == 0:\n    os._exit(3)\n" + shapes.read_text())
    assert grade(task, app, "", sandbox).reason == "PASS"


@pytest.mark.parametrize(
    ("gate", "reason"),
    [
        ("exit 0", "GATE_FAULT exit code 3: it ended without its verdict"),
        ("echo REASON: PASS; exit 1", "GATE_FAULT exit code 3: it ended without its verdict"),
        (
            'echo "VERDICT 0"; echo "VERDICT $(head -c 16 /dev/urandom | od -An -tx1) 0"; exit 0',
            "GATE_FAULT exit code 3",
        ),
        ('read -r hello < "$CALLS_DIR/answers"; echo "$hello" 0; exit 0', "GATE_FAULT exit code 3"),
        ("exit 4", "GATE_FAULT exit code 4: no reason given"),
    ],
)
def test_a_verdict_needs_the_word_that_the_gate_was_given(
    tmp_path: Path, sandbox: Sandbox, gate: str, reason: str
) -> None:
    task = task_with_gate(tmp_path, gate)
    (task.path / "task.toml").write_text('[metadata]\ngate = "apart"\n')
    end = grade(load_task(task.path), tmp_path, "", sandbox)
    assert end.exit_code not in (0, 1)
    assert end.reason.startswith(reason)


def test_a_gate_that_says_another_verdict_than_it_ends_with_is_broken(tmp_path: Path, sandbox: Sandbox) -> None:
    script = """
    read -r hello < "$CALLS_DIR/answers"
    word=${hello#*: \\"}
    echo "VERDICT ${word%%\\"*} $SAID"
    exit 0
    """
    task = task_with_gate(tmp_path, script.replace("$SAID", "1"))
    (task.path / "task.toml").write_text('[metadata]\ngate = "apart"\n')
    assert grade(load_task(task.path), tmp_path, "", sandbox).exit_code == 3
    (task.tests / "test.sh").write_text(script.replace("$SAID", "0"))
    transcript = tmp_path / "gate.txt"
    assert grade(load_task(task.path), tmp_path, "", sandbox, transcript=transcript).exit_code == 0
    assert "VERDICT" not in transcript.read_text(), "the word is nobody's afterwards"


def test_a_gate_that_dies_while_its_code_runs_is_waited_for_no_longer(tmp_path: Path, sandbox: Sandbox) -> None:
    request = '{\\"argv\\": [\\"sleep\\", \\"60\\"], \\"stdin\\": \\"\\", \\"timeout_s\\": 60}'
    task = task_with_gate(tmp_path, f'echo "{request}" > "$CALLS_DIR/ask"; sleep 0.5; exit 4')
    (task.path / "task.toml").write_text('[metadata]\ngate = "apart"\n')
    began = time.monotonic()
    assert grade(load_task(task.path), tmp_path, "", sandbox).exit_code == 4
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("forged", ['{"error": ""}', "[]", "null", '{"error": "", "result": [15]}', "no JSON"])
def test_a_forged_answer_is_a_fail(tmp_path: Path, sandbox: Sandbox, forged: str) -> None:
    task = load_task(BUILTIN / "fix-failing-test")
    make_workspace(task, tmp_path / "app")
    forge = f"import os\nfor fd in range(3, 20):\n    try:\n        os.write(fd, {forged.encode()!r})\n"
    (tmp_path / "app" / "shapes.py").write_text(forge + "    except OSError:\n        pass\nos._exit(0)\n")
    assert grade(task, tmp_path / "app", "", sandbox).exit_code == 1


@pytest.mark.slow
def test_code_that_never_ends_is_a_fail(tmp_path: Path, sandbox: Sandbox) -> None:
    task = load_task(BUILTIN / "fix-failing-test")
    make_workspace(task, tmp_path / "app")
    (tmp_path / "app" / "shapes.py").write_text("while True:\n    pass\n")
    end = grade(task, tmp_path / "app", "", sandbox)
    assert (end.exit_code, end.reason) == (1, "FAIL_RUN_TIMEOUT no result within 10 s")


MANY_RUNS = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent))
from gatelib import Fail, judge, run
def gate():
    for _ in range(50):
        if run("import x; result = x.answer()", timeout_s=2) != 42:
            raise Fail("FAIL_BEHAVIOUR", "not 42")
judge(gate)
"""


@pytest.mark.slow
def test_code_that_ends_just_in_time_again_and_again_is_a_fail_and_no_gate_without_a_verdict(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """The gate was killed at its own limit, so that the run was invalid and not failed."""
    task = task_with_gate(tmp_path, 'exec python3 -I -S -B "$TESTS_DIR/gate.py"', timeout_s=2.5)
    (task.path / "task.toml").write_text('[metadata]\ngate = "apart"\n[verifier]\ntimeout_sec = 2.5\n')
    shutil.copy(BUILTIN / "lib" / "gatelib.py", task.tests)
    (task.tests / "gate.py").write_text(MANY_RUNS)
    app = tmp_path / "app"
    app.mkdir()
    (app / "x.py").write_text("import time\ndef answer():\n    time.sleep(1)\n    return 42\n")
    end = grade(load_task(task.path), app, "", sandbox)
    assert (end.exit_code, end.reason) == (1, "FAIL_RUN_TIMEOUT no result within 2 s")


@pytest.mark.parametrize(("gate", "exit_code", "reward"), [("good", 0, "1\n"), ("bad", 1, "0\n"), ("broken", 2, None)])
def test_harbor_finds_the_reward_it_reads(
    tmp_path: Path, sandbox: Sandbox, gate: str, exit_code: int, reward: str | None
) -> None:
    task = load_task(BUILTIN / "fill-json")
    app, logs, tests = tmp_path / "app", tmp_path / "logs", tmp_path / "tests"
    solved(task, app, sandbox)
    logs.mkdir()
    shutil.copytree(task.tests, tests)
    if gate == "bad":
        (app / "config.json").unlink()
    if gate == "broken":
        (tests / "original").rename(tests / "lost")
        (tests / "gate.py").write_text((tests / "gate.py").read_text().replace("def gate():", "def gate():\n    1 / 0"))
    binds = {
        "APP_DIR": Bind(app, "/app", writable=True),
        "TESTS_DIR": Bind(tests, "/tests"),
        "LOGS_DIR": Bind(logs, "/logs", writable=True),
    }
    done = sandbox.run(CommandSpec(["bash", "test.sh"], binds=binds, cwd="TESTS_DIR", timeout_s=20))
    file = logs / "verifier" / "reward.txt"
    assert (done.exit_code, file.read_text() if file.exists() else None) == (exit_code, reward)
