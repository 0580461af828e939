"""Several runs at a time: each with its own record, and ended together; `test_kills.py` kills them."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import RunRecord
from tests.e2e.cli import Session, environment, onbox, onbox_here, runs_of, scripted, verdict_of
from tests.e2e.conftest import TrialFile

STALL = "--mode good --load-s 0.3 --stall-s 0.4"


def records(out: Path) -> list[RunRecord]:
    folder = TrialFolder.open(out)
    return [record for contender in folder.plan().contenders for record in folder.runs(contender.name)]


def test_three_at_a_time_overlap_and_each_has_its_own_exchanges(tmp_path: Path) -> None:
    out = tmp_path / "bench"
    with scripted("good", "--stall-s", "0.4") as url:
        done = onbox("bench", url, "--task", "fill-json", "--runs", 7, "--parallel", 3, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "7 runs of each, 3 at a time" in done.stderr
    folder, spans = TrialFolder.open(out), []
    runs = records(out)
    for run in runs:
        wire = folder.exchanges(folder.run_folder(run.contender, run.task, run.arm, run.n) / "wire.jsonl")
        # Only its own: a run's seed counts up from its own start, and no other run shares it.
        assert {exchange.request["seed"] - run.seed for exchange in wire} == set(range(len(wire)))
        assert len(wire) == run.agent.turns
        spans.append((wire[0].t0_ns, wire[-1].t0_ns + (wire[-1].ended_ns or 0)))
    at_once = max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)
    assert at_once == 3
    assert {run.beside for run in runs} == {2}
    assert folder.plan().parallel == 3
    verdict = verdict_of(out)
    (contender,) = verdict["contenders"]
    assert (contender["passed"], contender["valid"]) == (7, 7)
    (check,) = [check for check in verdict["checks"] if check["id"] == "AT_A_TIME"]
    assert (check["status"], check["observed"], check["threshold"]) == ("pass", 3, 3)
    assert any("Up to 3 runs shared the engine" in reason for reason in verdict["reasons"])
    ledger = [entry.subject for entry in folder.ledger() if entry.kind == "accepted"]
    assert sorted(ledger) == sorted(str(Path(path).parent) for path in runs_of(out))
    assert onbox_here("verify", out).returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_interrupted_all_lanes_end_and_the_trial_goes_on(
    number: signal.Signals, tmp_path: Path, trial_file: TrialFile, plugin_env: dict[str, str]
) -> None:
    out = tmp_path / "trial"
    session = Session(
        "trial", trial_file(runs=7, speed=False, one=STALL), "--parallel", 3, "--out", out, env=plugin_env
    )
    session.wait_for("run 6 of 7 begins")
    began = time.monotonic()
    session.interrupt(number)
    assert session.end() == 130, session.lines
    assert time.monotonic() - began < 10
    assert session.left() == []
    assert session.lines[-2:] == [
        "onbox: interrupted; what was finished is kept",
        f"  next: onbox trial --resume {out}",
    ]
    before = runs_of(out)
    assert 3 <= len(before) <= 5
    folder = TrialFolder.open(out)
    assert folder.ledger()[-1].kind == "interrupted"
    unfinished = [path for path in out.glob("one/runs/*/*/*") if not (path / "run.json").exists()]
    assert len(unfinished) == 3
    again = onbox("trial", "--resume", out, env=plugin_env)
    assert again.returncode == 0, again.stderr
    after = runs_of(out)
    assert {path: after[path] for path in before} == before
    assert [c["valid"] for c in verdict_of(out)["contenders"]] == [7]


@pytest.mark.slow
def test_interrupted_agents_of_others_end_with_all_that_they_started(tmp_path: Path) -> None:
    sleep = ["sleep", f"86398.{os.getpid()}"]

    def asleep() -> int:
        return sum(process.info["cmdline"] == sleep for process in psutil.process_iter(["cmdline"]))

    out, agent = tmp_path / "bench", f"cmd:sh -c '{' '.join(sleep)} & wait' {{prompt}}"
    with scripted("good") as url:
        command = ["bench", url, "--agent", agent, "--parallel", 3, "--runs", 3, "--task", "fill-json", "--out", out]
        session = Session(*command, env=environment())
        deadline = time.monotonic() + 180
        while asleep() < 3:
            assert time.monotonic() < deadline, session.lines
            time.sleep(0.05)
        session.interrupt(signal.SIGTERM)
        assert session.end() == 130, session.lines
        assert session.left() == []
    assert asleep() == 0
    assert runs_of(out) == {}


def test_an_engine_that_dies_under_three_runs_is_handled_once(
    tmp_path: Path, trial_file: TrialFile, plugin_env: dict[str, str]
) -> None:
    out = tmp_path / "trial"
    # By the sixth completion the token at the start, preflight and the first turns of three runs were asked for.
    dying = "--mode die --die-on 6 --stall-s 0.4 --tok-s 20"
    done = onbox("trial", trial_file(runs=9, speed=False, one=dying), "--parallel", 3, "--out", out, env=plugin_env)
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("one: failed: one: the engine died while it worked") == 1, done.stderr
    dead = [run for run in records(out) if not run.engine_alive]
    assert len(dead) == 3
    results = {(run["n"], run["code"]) for run in verdict_of(out)["runs"]}
    assert {(run.n, "I-CONN") for run in dead} <= results
    failed = [entry for entry in TrialFolder.open(out).ledger() if entry.kind == "failed"]
    assert [entry.subject for entry in failed] == ["one"]


@pytest.mark.parametrize("command", [("trial",), ("bench", "http://127.0.0.1:9/v1")])
@pytest.mark.parametrize("concurrent_runs", ["0", "-2"])
def test_fewer_than_one_at_a_time_is_a_mistake(command: tuple[str, ...], concurrent_runs: str, tmp_path: Path) -> None:
    done = onbox_here(*command, "--parallel", concurrent_runs, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == f"onbox: --parallel: {concurrent_runs} is not at least 1"
    assert not (tmp_path / "out").exists()
