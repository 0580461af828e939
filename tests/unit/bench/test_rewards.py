"""Rewards of gates of Harbor's kind: read as Harbor 0.26 reads them, kept, and judged by a stated threshold."""

import json
import math
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onbox.bench.audit.subject import AuditSubject
from onbox.bench.gate import NO_VERDICT, grade
from onbox.bench.rewards import RewardError, below, judged, read_rewards, tail_of
from onbox.bench.sandbox import Sandbox
from onbox.bench.sandbox.choose import choose
from onbox.bench.tasks import Task, load_task


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return choose()


# ---------------------------------------------------------------- what a folder holds


@pytest.mark.parametrize(
    ("files", "rewards"),
    [
        ({"reward.txt": "1"}, {"reward": 1.0}),
        ({"reward.txt": " \n 0.5\t\n"}, {"reward": 0.5}),
        ({"reward.txt": "1_0e-1"}, {"reward": 1.0}),
        ({"reward.txt": "-2"}, {"reward": -2.0}),
        ({"reward.json": '{"reward": 0.25}'}, {"reward": 0.25}),
        ({"reward.json": '{"reward": true, "b": false}'}, {"reward": 1.0, "b": 0.0}),
        ({"reward.json": '{"a": 1, "b": 0.5}'}, {"a": 1.0, "b": 0.5}),
        ({"reward.json": '{"reward": 0, "reward": 1}'}, {"reward": 1.0}),
        ({"reward.json": '\r\n{"reward":\r\n1}\r\n'}, {"reward": 1.0}),
        ({"reward.json": '{"reward": 1}', "reward.txt": "0"}, {"reward": 1.0}),
        ({"reward.json": "{}"}, {}),
    ],
)
def test_what_harbor_takes_is_taken(tmp_path: Path, files: dict[str, str], rewards: dict[str, float]) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, newline="")
    assert read_rewards(tmp_path) == rewards


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "no reward.json or reward.txt was written"),
        ({"reward.txt": ""}, "reward.txt is empty"),
        ({"reward.txt": "\n"}, "reward.txt is not a number"),
        ({"reward.txt": "passed"}, "reward.txt is not a number: 'passed'"),
        ({"reward.txt": "true"}, "reward.txt is not a number"),
        ({"reward.txt": "1 0"}, "reward.txt is not a number"),
        ({"reward.txt": "nan"}, "reward.txt: not a finite number: nan"),
        ({"reward.txt": "Infinity"}, "reward.txt: not a finite number: inf"),
        ({"reward.json": "", "reward.txt": "1"}, "reward.json is empty"),
        ({"reward.json": "{", "reward.txt": "1"}, "reward.json is not JSON"),
        ({"reward.json": '{"reward": NaN}'}, "reward.json: reward: not a finite number: nan"),
        ({"reward.json": '{"reward": 1e309}'}, "reward.json: reward: not a finite number: inf"),
        ({"reward.json": '{"reward": -Infinity}'}, "not a finite number: -inf"),
        ({"reward.json": '{"reward": ' + "9" * 400 + "}"}, "not a finite number"),
        ({"reward.json": '{"reward": "1"}'}, "reward.json: reward: not a number: '1'"),
        ({"reward.json": '{"reward": null}'}, "not a number: None"),
        ({"reward.json": '{"reward": {"a": 1}}'}, "not a number: {'a': 1}"),
        ({"reward.json": '{"reward": [1]}'}, "not a number"),
        ({"reward.json": '{"reward": 1, "b": "x"}'}, "reward.json: b: not a number"),
        ({"reward.json": "1"}, "reward.json holds no object: 1"),
        ({"reward.json": "[1]"}, "reward.json holds no object"),
        ({"reward.json": "[" * 100_000}, "reward.json is not JSON"),
        ({"reward.json": "x" * (1 << 20) + "x"}, "larger than 1 MiB"),
    ],
)
def test_what_harbor_refuses_is_no_reward(tmp_path: Path, files: dict[str, str], why: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(RewardError) as raised:
        read_rewards(tmp_path)
    assert why in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 200


def test_links_are_followed_within_the_folder_alone(tmp_path: Path) -> None:
    logs, secret = tmp_path / "verifier", tmp_path / "reward"
    logs.mkdir()
    secret.write_text("1")
    (logs / "score").write_text("0.5")
    (logs / "reward.txt").symlink_to("score")
    assert read_rewards(logs) == {"reward": 0.5}
    # Those lead nowhere in Harbor, where the file is read outside the container: reward.txt is what is left.
    (logs / "reward.json").symlink_to("/logs/verifier/score")
    assert read_rewards(logs) == {"reward": 0.5}
    (logs / "reward.json").unlink()
    (logs / "reward.json").symlink_to(secret)
    assert read_rewards(logs) == {"reward": 0.5}
    (logs / "reward.json").unlink()
    (logs / "reward.json").mkdir()
    with pytest.raises(RewardError, match="no file that can be read"):
        read_rewards(logs)
    assert tail_of(logs / "reward.txt", 10) == b""
    assert tail_of(logs / "score", 2) == b".5"


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, one: bytes, other: bytes) -> None:
    folder = tmp_path_factory.mktemp("verifier")
    (folder / "reward.json").write_bytes(one)
    (folder / "reward.txt").write_bytes(other)
    found: dict[str, float] = {}
    with suppress(RewardError):
        found = read_rewards(folder)
    assert all(math.isfinite(value) for value in found.values())


@pytest.mark.parametrize(
    ("rewards", "wanted", "keys", "low"),
    [
        ({"reward": 1.0}, {}, {"reward": 1.0}, []),
        ({"reward": 0.5}, {}, {"reward": 1.0}, ["reward 0.5, below 1"]),
        ({"reward": 0.5}, {"reward": 0.5}, {"reward": 0.5}, []),
        ({"reward": 0.999999}, {}, {"reward": 1.0}, ["reward 0.999999, below 1"]),
        ({"reward": 1.0, "style": 0.0}, {}, {"reward": 1.0}, []),
        ({"score": 0.5}, {}, {"score": 1.0}, ["score 0.5, below 1"]),
        ({"a": 1.0, "b": 0.2}, {"a": 1.0, "b": 0.5}, {"a": 1.0, "b": 0.5}, ["b 0.2, below 0.5"]),
    ],
)
def test_which_rewards_are_judged(
    rewards: dict[str, float], wanted: dict[str, float], keys: dict[str, float], low: list[str]
) -> None:
    assert judged(rewards, wanted) == keys
    assert below(rewards, keys) == low


@pytest.mark.parametrize(
    ("rewards", "wanted", "why"),
    [
        ({"a": 1.0, "b": 1.0}, {}, "reward.json holds a, b; metadata.reward_min says it"),
        ({}, {}, "reward.json holds nothing"),
        ({"a": 1.0}, {"reward": 0.5}, "reward.json holds no reward"),
    ],
)
def test_a_reward_that_nobody_named_is_no_verdict(
    rewards: dict[str, float], wanted: dict[str, float], why: str
) -> None:
    with pytest.raises(RewardError, match=why):
        judged(rewards, wanted)


# ---------------------------------------------------------------- a whole gate


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
