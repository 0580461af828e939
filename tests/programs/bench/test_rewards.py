"""Rewards of gates of Harbor's kind: read as Harbor 0.26 reads them, kept, and judged by a stated threshold."""

import json
import shutil
from pathlib import Path

import pytest

from onbox.bench.audit.subject import AuditSubject
from onbox.bench.gate import NO_VERDICT, grade
from onbox.bench.sandbox import Sandbox
from onbox.bench.sandbox.choose import choose
from onbox.bench.tasks import Task, load_task


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return choose()


def made(folder: Path, test_sh: str, toml: str = "", dockerfile: str = "FROM x\nWORKDIR /app\nCOPY a .\n") -> Task:
    for name, text in {
        "instruction.md": "Do it.",
        "task.toml": toml,
        "environment/Dockerfile": dockerfile,
        "environment/a": "as given\n",
        "solution/solve.sh": "#!/bin/bash\necho done > a\n",
        "tests/test.sh": test_sh,
        "tests/data/deep/expected": "done\n",
    }.items():
        (folder / "task" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "task" / name).write_text(text, newline="")
    return load_task(folder / "task")


WRITES = "#!/bin/bash\necho {} > /logs/verifier/reward.txt\n"


@pytest.mark.parametrize(
    ("test_sh", "exit_code", "rewards", "reason"),
    [
        (WRITES.format(1), 0, {"reward": 1.0}, "PASS"),
        (WRITES.format(1) + "exit 7\n", 0, {"reward": 1.0}, "PASS"),
        (WRITES.format(0), 1, {"reward": 0.0}, "FAIL (reward 0, below 1)"),
        (WRITES.format(0.5) + "echo REASON: FAIL_HALF\n", 1, {"reward": 0.5}, "FAIL_HALF (reward 0.5, below 1)"),
        ("#!/bin/bash\nexit 0\n", 3, {}, "GATE_FAULT no reward.json or reward.txt was written to /logs/verifier"),
        # Carriage returns name an interpreter that is not there, as in Harbor.
        ("#!/bin/bash\r\necho 1 > /logs/verifier/reward.txt\r\n", 3, {}, "GATE_FAULT no reward.json"),
        ("echo 1 > /logs/verifier/reward.txt\n", 0, {"reward": 1.0}, "PASS"),
        ("#!/bin/sh\necho ${BASH:-plain}; echo 1 > /logs/verifier/reward.txt\n", 0, {"reward": 1.0}, "PASS"),
        ("#!/usr/bin/env python3\nopen('/logs/verifier/reward.txt', 'w').write('1')\n", 0, {"reward": 1.0}, "PASS"),
        ('#!/bin/bash\necho \'{"reward": 1, "speed": 0.1}\' >/logs/verifier/reward.json\n', 0, None, "PASS"),
        ('#!/bin/bash\necho \'{"a": 1, "b": 0.1}\' >/logs/verifier/reward.json\n', 3, {}, "GATE_FAULT which reward"),
    ],
)
@pytest.mark.bwrap
def test_the_reward_is_the_verdict(
    tmp_path: Path, sandbox: Sandbox, test_sh: str, exit_code: int, rewards: dict[str, float] | None, reason: str
) -> None:
    task = made(tmp_path, test_sh)
    (tmp_path / "app").mkdir()
    end = grade(task, tmp_path / "app", "", sandbox)
    assert end.exit_code == exit_code, end
    assert end.reason.startswith(reason), end
    if exit_code != NO_VERDICT:
        assert end.rewards == ({"reward": 1.0, "speed": 0.1} if rewards is None else rewards)
        assert end.reward_min == {"reward": 1.0}


@pytest.mark.bwrap
def test_a_threshold_of_the_task_judges_a_partial_reward(tmp_path: Path, sandbox: Sandbox) -> None:
    task = made(tmp_path, WRITES.format(0.5), "[metadata]\nreward_min = 0.5\n")
    (tmp_path / "app").mkdir()
    end = grade(task, tmp_path / "app", "", sandbox)
    assert (end.exit_code, end.rewards, end.reward_min) == (0, {"reward": 0.5}, {"reward": 0.5})


@pytest.mark.bwrap
def test_a_reward_that_came_before_the_time_was_over_does_not_count(tmp_path: Path, sandbox: Sandbox) -> None:
    task = made(tmp_path, WRITES.format(1) + "sleep 60\n", "[verifier]\ntimeout_sec = 0.5\n")
    (tmp_path / "app").mkdir()
    end = grade(task, tmp_path / "app", "", sandbox)
    assert (end.exit_code, end.rewards) == (None, {})
    assert end.reason == "GATE_FAULT no verdict within 0.5 s"


@pytest.mark.bwrap
def test_a_gate_has_the_folders_the_place_and_the_variables_of_harbor(tmp_path: Path, sandbox: Sandbox) -> None:
    script = """#!/bin/bash
set -e
[ "$PWD" = /srv/work ] && [ "$(cat a)" = done ] && [ "$(cat /srv/work/a)" = done ]
cmp /tests/data/deep/expected a
[ -d /logs/verifier ] && [ -d /logs/agent ] && [ -d /logs/artifacts ]
[ "$0" = /tests/test.sh ] && [ -x /tests/test.sh ]
[ "$GIVEN $OVER $MINE" = "image task gate" ]
touch /tests/writable a
[ -f /logs/verifier/test-stdout.txt ]
echo all there
echo 1 > /logs/verifier/reward.txt
"""
    toml = (
        '[environment]\nenv = {OVER = "task"}\n[verifier]\nenv = {MINE = "gate"}\n[solution]\nenv = {SOLVE = "yes"}\n'
    )
    task = made(tmp_path, script, toml, "FROM x\nWORKDIR /srv/work\nENV GIVEN=image OVER=image\nCOPY a .\n")
    (task.solution / "solve.sh").write_text(
        '#!/bin/bash\nset -e\n[ "$PWD" = /srv/work ]\n[ "$SOLVE $OVER" = "yes task" ]\n[ -f /solution/solve.sh ]\n'
        "[ -d /logs/agent ]\necho done > a\n"
    )
    task = load_task(task.path)
    (task.tests / "test.sh").chmod(0o644)
    subject = AuditSubject(task, sandbox, tmp_path / "scratch")
    left = subject.oracle()
    assert left.fault == ""
    transcript = tmp_path / "gate.txt"
    end = grade(task, left.app, left.reply, subject.sandbox, transcript=transcript)
    assert end.exit_code == 0, transcript.read_text()
    assert transcript.read_text() == "all there\n"


@pytest.mark.bwrap
def test_what_an_agent_leaves_is_no_reward(tmp_path: Path, sandbox: Sandbox) -> None:
    task = made(tmp_path, "#!/bin/bash\ncp -r verifier/. /nowhere/ 2>/dev/null\nexit 0\n")
    app = tmp_path / "app"
    for place in (app / "verifier", app / "logs" / "verifier"):
        place.mkdir(parents=True)
        (place / "reward.json").write_text(json.dumps({"reward": 1}))
    assert grade(task, app, "", sandbox).exit_code == NO_VERDICT
    shutil.rmtree(app)
