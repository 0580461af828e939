"""Stopped at any point, by any hand: nothing is left running, nothing half-written is read, and the trial goes on."""

import hashlib
import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.cli import GONE_S, Session, onbox, onbox_here, runs_of, scripted, verdict_of
from tests.e2e.conftest import TrialFile

STALL = "--mode good --load-s 0.5 --stall-s 0.3"


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_interrupted_and_resumed(
    number: signal.Signals, tmp_path: Path, trial_file: TrialFile, plugin_env: dict[str, str]
) -> None:
    out = tmp_path / "a trial"
    session = Session("trial", trial_file(speed=False, one=STALL), "--out", out, env=plugin_env)
    session.wait_for("run 2 of 2 begins")
    session.interrupt(number)
    assert session.end() == 130, session.lines
    assert session.left() == []
    assert session.lines[-2:] == [
        "onbox: interrupted; what was finished is kept",
        f"  next: onbox trial --resume '{out}'",
    ]
    standup = json.loads((out / "one/standup/phases.json").read_text())
    assert (standup["stopped"]["process_gone"], standup["stopped"]["port_closed"]) == (True, True)
    assert [json.loads(line)["kind"] for line in (out / "ledger.jsonl").read_text().splitlines()][-1] == "interrupted"
    before = runs_of(out)
    assert len(before) == 1
    again = onbox("trial", "--resume", out, env=plugin_env)
    assert again.returncode == 0, again.stderr
    after = runs_of(out)
    assert {path: after[path] for path in before} == before
    assert len({launch for _, launch in after.values()}) == 2
    assert [c["valid"] for c in verdict_of(out)["contenders"]] == [2]
    assert onbox_here("verify", out).returncode == 0
    # Nothing is left to do, and that is what a third start does.
    verdict = (out / "verdict.json").read_bytes()
    third = onbox("trial", "--resume", out, env=plugin_env)
    assert "one: done already" in third.stderr
    assert "load begins" not in third.stderr
    assert (runs_of(out), (out / "verdict.json").read_bytes()) == (after, verdict)


@pytest.mark.parametrize(
    "gap_s", [pytest.param(0.0, marks=pytest.mark.slow), pytest.param(0.02, marks=pytest.mark.slow), 0.3]
)
def test_several_quick_interrupts_end_it_in_order_like_one(
    gap_s: float, tmp_path: Path, trial_file: TrialFile, plugin_env: dict[str, str]
) -> None:
    out = tmp_path / "trial"
    session = Session("trial", trial_file(speed=False, one=STALL), "--out", out, env=plugin_env)
    session.wait_for("run 1 of 2 begins")
    for _ in range(3):
        session.interrupt(signal.SIGINT)
        time.sleep(gap_s)
    assert session.end() == 130, session.lines
    assert session.left(within_s=GONE_S) == []
    assert not any("Traceback" in line or "KeyboardInterrupt" in line for line in session.lines), session.lines
    standup = json.loads((out / "one/standup/phases.json").read_text())
    assert (standup["stopped"]["process_gone"], standup["stopped"]["port_closed"]) == (True, True)
    assert [json.loads(line)["kind"] for line in (out / "ledger.jsonl").read_text().splitlines()][-1] == "interrupted"


@pytest.mark.parametrize(
    "arguments", [("watch", "--", "sleep", "60"), ("selftest", "--shape", "stall"), ("audit", "--task", "fill-json")]
)
def test_any_command_ends_without_a_traceback(arguments: tuple[str, ...], plugin_env: dict[str, str]) -> None:
    session = Session(*arguments, env=plugin_env)
    session.wait_until_interruptible()
    for _ in range(3):
        session.interrupt(signal.SIGINT)
        time.sleep(0.05)
    assert session.end() == 130, session.lines
    assert not any("Traceback" in line for line in session.lines), session.lines
    assert session.left(within_s=GONE_S) == []


@pytest.mark.slow
def test_killed_at_every_point_and_resumed_each_time(
    tmp_path: Path, trial_file: TrialFile, plugin_env: dict[str, str]
) -> None:
    """One trial, seven lives: kill -9 in stand-up, speed, the first run, between runs, and in the second contender."""
    out = tmp_path / "trial"
    points = [
        "one: load begins",
        "one: speed begins",
        "one: fill-json .* run 1 of 2 begins",
        "one: fill-json .* run 1: passed",
        "two: load begins",
        "two: fill-json .* run 2 of 2 begins",
    ]
    done: dict[str, tuple[int, str]] = {}
    start: list[object] = ["trial", trial_file(one=STALL, two=STALL), "--out", out]
    for point in points:
        session = Session(*start, env=plugin_env)
        session.wait_for(point)
        session.kill()
        assert session.left(within_s=GONE_S) == [], point
        now = runs_of(out)
        assert {path: now[path] for path in done} == done, f"{point}: a finished run was done again"
        assert not (out / "verdict.json").exists()
        done, start = now, ["trial", "--resume", out]
        with (out / "ledger.jsonl").open("ab") as ledger:
            ledger.write(b'{"at":"2026-01-01T00:00:00Z","kind":"acc')
    last = onbox(*start, env=plugin_env)
    assert last.returncode == 0, last.stderr
    now = runs_of(out)
    assert {path: now[path] for path in done} == done
    contenders = verdict_of(out)["contenders"]
    assert [(c["valid"], c["speed"] is not None) for c in contenders] == [(2, True), (2, True)]
    assert not list(out.rglob("*.tmp"))
    assert onbox_here("verify", out).returncode == 0
    # Each life of an engine is on record, those that were cut off too.
    assert len(list((out / "one").glob("standup*"))) == 5
    kinds = [json.loads(line)["kind"] for line in (out / "ledger.jsonl").read_text().splitlines()]
    assert kinds.count("resumed") == len(points)


@pytest.mark.slow
def test_an_engine_that_ignores_sigterm_is_killed(
    tmp_path: Path, trial_file: TrialFile, plugin_env: dict[str, str]
) -> None:
    session = Session(
        "trial", trial_file(speed=False, one=f"{STALL} --deaf"), "--out", tmp_path / "trial", env=plugin_env
    )
    session.wait_for("run 1 of 2 begins")
    session.interrupt()
    assert session.end() == 130
    assert session.left() == []
    standup = json.loads((tmp_path / "trial/one/standup/phases.json").read_text())
    assert (standup["stopped"]["how"], standup["stopped"]["process_gone"]) == ("killed", True)


def test_a_second_onbox_is_refused_and_changes_nothing(
    tmp_path: Path, trial_file: TrialFile, plugin_env: dict[str, str]
) -> None:
    out = tmp_path / "trial"
    session = Session("trial", trial_file(runs=1, speed=False, one=STALL), "--out", out, env=plugin_env)
    session.wait_for("one: load begins")
    # It stands still until the second has come and gone, however long that takes to start.
    os.kill(session.process.pid, signal.SIGSTOP)
    try:
        ledger = (out / "ledger.jsonl").read_bytes()
        second = onbox("trial", "--resume", out, env=plugin_env)
        unchanged = (out / "ledger.jsonl").read_bytes() == ledger
    finally:
        os.kill(session.process.pid, signal.SIGCONT)
    assert second.returncode == 2
    assert second.stderr.splitlines() == [
        f"onbox: {out}: another onbox works on it",
        "  next: wait for it, or stop it",
    ]
    assert unchanged
    assert session.end() == 0, session.lines
    assert onbox_here("verify", out).returncode == 0


def test_an_agent_that_is_another_one_now_is_refused_and_the_trial_stays_as_it_is(tmp_path: Path) -> None:
    """Runs of two versions of an agent are not one trial; nothing of it is moved or noted before that is found out."""
    agent, out = tmp_path / "my-agent", tmp_path / "bench"
    agent.write_text("#!/bin/sh\n")
    agent.chmod(0o755)

    def hashed() -> str:
        return f"sha256:{hashlib.sha256(agent.read_bytes()).hexdigest()[:16]}"

    with scripted("good") as url:
        arguments = ("--agent", f"cmd:{agent} {{prompt}}", "--task", "fill-json", "--runs", "1", "--out", out)
        first = onbox("bench", url, *arguments)
        assert first.returncode == 0, first.stderr
        # It asked the model nothing: a run that --resume would set aside and do again.
        assert [run["code"] for run in verdict_of(out)["runs"]] == ["I-AGENT"]
        before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
        frozen = hashed()
        agent.write_text("#!/bin/sh\n# another one\n")
        again = onbox("trial", "--resume", out)
    assert again.returncode == 2
    assert again.stderr.splitlines() == [
        f"onbox: agent my-agent: is now {hashed()}; the plan was frozen with {frozen}",
        "  next: start a new trial",
    ]
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
