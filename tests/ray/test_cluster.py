"""`onbox trial --ray`: runs on two nodes of a real Ray cluster, with a scripted engine on each.

Both nodes are on this box, so that it shows nothing of networks and of boxes that differ.
"""

import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.doubles.scripted_plugin import OPTIONS, register
from tests.e2e.cli import Session, environment, onbox, runs_of, verdict_of
from tests.parts import RAY_PYTHON
from tests.ray.cluster import Cluster, cluster

pytestmark = [pytest.mark.ray, pytest.mark.bwrap, pytest.mark.slow, pytest.mark.timeout(180)]

TASKS = ("fill-json", "rename-2-files")
"""The second is made anew for each seed, on each node."""
SLOW = "--mode good --stall-s 0.4"
OURS, MARK = "ONBOX_TEST_CLUSTER", uuid.uuid4().hex
"""In the environment of all that these tests start, on every node."""
TrialFile = Callable[..., Path]


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    site = tmp_path_factory.mktemp("site")
    register(site)
    return environment(site, **{OURS: MARK})


@pytest.fixture(scope="module")
def two(env: dict[str, str]) -> Iterator[Cluster]:
    """The trial's box and one node more."""
    with cluster(env, "first", "second") as made:
        yield made


@pytest.fixture
def trial_file(tmp_path: Path) -> TrialFile:
    def write(runs: int, **contenders: str) -> Path:
        weights = tmp_path / "weights.bin"
        weights.write_bytes(b"no weights")
        recipes = [
            {"name": name, "engine": "scripted", "weights": {"path": str(weights)},
             "serve": {"environment": {OPTIONS: options}}}
            for name, options in contenders.items()
        ]  # fmt: skip
        data = {"contenders": recipes, "task_names": TASKS, "runs": runs, "speed": None}
        path = tmp_path / "trial.yaml"
        path.write_text(json.dumps(data))
        return path

    return write


def node_of_each(folder: Path) -> dict[tuple[str, str, int], str]:
    """(contender, task, n) -> node."""
    records = [json.loads(path.read_text()) for path in folder.glob("*/runs/*/*/*/run.json")]
    return {(run["contender"], run["task"], run["n"]): run["node"] for run in records}


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def engines() -> list[str]:
    """The engines of these tests, wherever they run."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if "tests.doubles.scripted_engine" in words and process.environ().get(OURS) == MARK:
                found.append(" ".join(words))
        except psutil.Error:
            continue
    return found


def gone() -> bool:
    """Whether no engine is left, or soon none is."""
    deadline = time.monotonic() + 10.0
    while engines() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not engines()


def test_pairs_stay_pairs_and_each_node_leaves_its_evidence(
    two: Cluster, env: dict[str, str], trial_file: TrialFile, tmp_path: Path
) -> None:
    out = tmp_path / "trial"
    file = trial_file(2, one="--mode good", two="--mode lazy")
    done = onbox("trial", file, "--ray", two.address, "--out", out, env=env, python=RAY_PYTHON)
    assert done.returncode == 0, done.stderr
    where = node_of_each(out)
    assert len(where) == 8
    for task in TASKS:
        assert {where["one", task, n] for n in (1, 2)} == {"", "second"}
        for n in (1, 2):
            assert where["one", task, n] == where["two", task, n]
    instances = [read(path)["instance_sha256"] for path in out.glob("*/runs/rename-2-files/*/*/run.json")]
    assert len(set(instances)) == 2
    assert [(each["passed"], each["valid"]) for each in verdict_of(out)["contenders"]] == [(4, 4), (0, 4)]
    for name in ("one", "two"):
        home = out / name / "nodes" / "second"
        assert sorted(path.name for path in home.iterdir()) == ["box.json", "standup", "weights.json"]
        life = read(home / "standup" / "phases.json")
        assert (life["stopped"]["how"], life["stopped"]["process_gone"]) == ("asked", True)
        assert read(home / "weights.json")["sha256"] == read(out / name / "weights.json")["sha256"]
        assert read(home / "box.json")["memory"]["total_bytes"] == read(out / "box.json")["memory"]["total_bytes"]
        launches = {read(path)["launch_id"] for path in out.glob(f"{name}/runs/*/*/*/run.json") if read(path)["node"]}
        assert launches == {life["launch_id"]}
    assert onbox("verify", out).returncode == 0
    assert "carried out on" in (out / "report.html").read_text()
    assert engines() == []


def test_a_node_that_dies_loses_only_what_was_under_way(
    two: Cluster, env: dict[str, str], trial_file: TrialFile, tmp_path: Path
) -> None:
    out = tmp_path / "trial"
    third = two.start("third")
    session = Session("trial", trial_file(4, one=SLOW), "--ray", two.address, "--out", out, env=env, python=RAY_PYTHON)
    session.wait_for(r"one: rename-2-files .* run 2 of 4 begins", 60)
    before = runs_of(out)
    third.power_off()
    assert session.end(120) == 0, session.lines
    after = runs_of(out)
    assert len(after) == 8
    assert {path: after[path] for path in before} == before
    (lost,) = [line for line in (out / "ledger.jsonl").read_text().splitlines() if '"failed"' in line]
    assert json.loads(lost)["subject"] == "one/nodes/third"
    assert any("continues without third: node third is gone" in line for line in session.lines), session.lines
    accepted = [json.loads(line) for line in (out / "ledger.jsonl").read_text().splitlines()]
    assert len([entry for entry in accepted if entry["kind"] == "accepted"]) == 8
    assert (verdict_of(out)["contenders"][0]["passed"], onbox("verify", out).returncode) == (8, 0)
    assert engines() == []


def test_stopped_and_resumed(two: Cluster, env: dict[str, str], trial_file: TrialFile, tmp_path: Path) -> None:
    """Ctrl-C while the node stands up and while runs are under way, then kill -9: nothing is left, nothing is lost."""
    out = tmp_path / "trial"
    points = [
        ("one: starting on second", signal.SIGINT, 130),
        ("one: rename-2-files .* run 1 of 3 begins", signal.SIGINT, 130),
        ("one: rename-2-files .* run 2 of 3 begins", signal.SIGKILL, -signal.SIGKILL),
    ]
    command: list[object] = ["trial", trial_file(3, one=SLOW), "--ray", two.address, "--out", out]
    before: dict[str, tuple[int, str]] = {}
    for pattern, number, code in points:
        session = Session(*command, env=env, python=RAY_PYTHON)
        session.wait_for(pattern, 60)
        os.kill(session.process.pid, number)
        assert session.end(60) == code, session.lines
        assert gone(), engines()
        now = runs_of(out)
        assert {path: now[path] for path in before} == before
        before, command = now, ["trial", "--resume", out]
    assert 0 < len(before) < 6
    stopped = [read(path)["stopped"] for path in (out / "one/nodes/second").glob("standup*/phases.json")]
    assert [each["process_gone"] for each in stopped if each] == [True]
    again = onbox(*command, env=env, python=RAY_PYTHON)
    assert again.returncode == 0, again.stderr
    after = runs_of(out)
    assert len(after) == 6
    assert {path: after[path] for path in before} == before
    assert set(node_of_each(out).values()) == {"", "second"}
    assert onbox("verify", out).returncode == 0


def test_what_cannot_be_is_reported_in_one_line(
    two: Cluster, env: dict[str, str], trial_file: TrialFile, tmp_path: Path
) -> None:
    file = trial_file(1, one="--mode good")

    def complaint_about(address: str) -> str:
        done = onbox("trial", file, "--ray", address, "--out", tmp_path / address, env=env, python=RAY_PYTHON)
        assert done.returncode == 3, done.stderr
        assert "Traceback" not in done.stderr
        return "\n".join(done.stderr.splitlines()[-2:])

    assert "onbox: --ray: 127.0.0.1:1: no cluster answers" in complaint_about("127.0.0.1:1")
    assert "onbox: --ray: nowhere: not an address" in complaint_about("nowhere")
    older = tmp_path / "older"
    (older / "onbox" / "trial").mkdir(parents=True)
    (older / "onbox" / "__init__.py").write_text('__version__ = "0.0.1"\n')
    (older / "onbox" / "trial" / "__init__.py").touch()
    (older / "onbox" / "trial" / "ray_worker.py").write_text(
        'import platform\ndef versions(): return {"onbox": "0.0.1", "python": platform.python_version()}\n'
    )
    node = two.start("older", {**env, "PYTHONPATH": str(older), "RAY_USAGE_STATS_ENABLED": "0"})
    try:
        assert "onbox: --ray: node older has onbox 0.0.1, and this box 0.8.0" in complaint_about(two.address)
    finally:
        node.power_off()
