"""The smallest real model on the real engine: what no double can stand in for.

The weights (about 100 MB) are fetched once into the user's cache.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from onbox.evidence.replies import read_reply
from onbox.judge.speed.metrics import difference, parse
from tests.e2e.cli import GONE_S, Session, environment, onbox, verdict_of

pytestmark = pytest.mark.engine

MODEL = "smollm2-135m"
CONTRACT = {"trial", "verdict", "report", "contenders", "fixed_suite", "population", "bracket"}
CONTENDER = {
    "name",
    "passed",
    "valid",
    "invalid",
    "pass_rate",
    "interval",
    "if_served_correctly",
    "seconds_to_pass",
}


def plan_file(folder: Path) -> Path:
    """One task, one run, a short measurement."""
    path = folder / "trial.yaml"
    path.write_text(
        json.dumps(
            {
                "contenders": [MODEL],
                "task_names": ["fill-json"],
                "runs": 1,
                "speed": {"requests": 2, "tokens": 32, "warmup_requests_max": 2},
                "limits": {"turns": 2, "turn_tokens": 96},
            }
        )
    )
    return path


class RealTrial:
    """A finished trial, what it printed, and what outlived it."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "trial"
        session = Session("trial", plan_file(home), "--out", self.folder, env=environment())
        code = session.end(timeout_s=280.0)
        assert code == 0, session.lines
        self.lines = session.lines
        self.left = session.left()
        self.home = self.folder / MODEL
        self.verdict: dict[str, Any] = verdict_of(self.folder)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> RealTrial:
    return RealTrial(tmp_path_factory.mktemp("real"))


def test_stood_up_in_phases_and_gone(trial: RealTrial) -> None:
    standup = json.loads((trial.home / "standup/phases.json").read_text())
    assert [phase["name"] for phase in standup["phases"]] == ["start", "load", "kv", "ready", "first token"]
    assert sum(phase["seconds"] for phase in standup["phases"]) == pytest.approx(standup["ready_s"], abs=0.5)
    assert standup["engine_version"].startswith("xllamacpp ")
    stopped = standup["stopped"]
    assert (stopped["how"], stopped["process_gone"], stopped["port_closed"]) == ("asked", True, True)
    assert trial.left == []


def test_weights_are_those_of_the_recipe(trial: RealTrial) -> None:
    weights = json.loads((trial.home / "weights.json").read_text())
    planned = (trial.folder / "plan.yaml").read_text()
    assert weights["sha256"] in planned
    assert weights["bytes"] == 98362432


def test_three_witnesses_and_tokens_conserved(trial: RealTrial) -> None:
    speed = trial.verdict["contenders"][0]["speed"]
    rates = {witness["name"]: witness["tok_s"] for witness in speed["witnesses"]}
    assert set(rates) == {"client_bursts", "engine_counters", "engine_timings"}
    assert all(rate and rate > 1 for rate in rates.values()), rates
    checks = {check["id"]: check["status"] for check in speed["checks"]}
    assert checks["TOKEN_RESIDUAL"] == "pass"
    assert checks["OUTPUT_LENGTH"] == "pass"


def test_the_counters_moved_by_what_the_replies_say(trial: RealTrial) -> None:
    """The same conservation, added up here from the raw files."""
    from onbox.evidence.folder import TrialFolder

    folder = trial.home / "speed/1"
    exchanges = TrialFolder.open(trial.folder).exchanges(folder / "requests.jsonl")
    messages = [read_reply(each).completion_tokens for each in exchanges if each.purpose == "measured"]
    scrapes = [parse((folder / f"metrics-{when}.prom").read_text()) for when in ("before", "after")]
    moved = difference(scrapes[0], scrapes[1])
    assert moved is not None
    assert messages == [32, 32]
    assert (moved.generated, moved.resets) == (64, ())


def test_the_run_was_made_by_the_same_life_of_the_engine(trial: RealTrial) -> None:
    run = json.loads((trial.home / "runs/fill-json/baseline/1/run.json").read_text())
    standup = json.loads((trial.home / "standup/phases.json").read_text())
    assert run["launch_id"] == standup["launch_id"]
    assert run["engine_alive"] is True
    assert (trial.home / "runs/fill-json/baseline/1/wire.jsonl").stat().st_size > 0
    assert trial.verdict["runs"][0]["outcome"] in ("passed", "failed", "serving failure")


def test_the_contract_holds_and_the_evidence_verifies(trial: RealTrial) -> None:
    again = onbox("trial", "--resume", trial.folder, "--json")
    result = json.loads(again.stdout)
    assert set(result) >= CONTRACT
    assert set(result["contenders"][0]) >= CONTENDER
    assert result["trial"] == str(trial.folder)
    done = onbox("verify", trial.folder)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("point", ["start begins", "load begins"])
def test_kill_9_while_the_engine_loads_leaves_nothing(point: str, tmp_path: Path, trial: RealTrial) -> None:
    session = Session("trial", plan_file(tmp_path), "--out", tmp_path / "trial", env=environment())
    session.wait_for(f"{MODEL}: {point}")
    session.kill()
    assert session.left(within_s=GONE_S) == []
