"""An engine of another package, brought by the entry point alone, in a whole trial."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.nova_plugin import RAW_NAME, register
from tests.e2e.cli import environment, onbox, verdict_of


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trial of the engine `nova`, whose model never calls a tool: its runs are asked again."""
    folder = tmp_path_factory.mktemp("nova")
    register(folder / "site")
    (folder / "weights.bin").write_bytes(b"no weights")
    recipe = {"name": "stranger", "engine": "nova", "weights": {"path": str(folder / "weights.bin")}}
    measured = {"requests": 3, "tokens": 48, "warmup_requests_max": 1}
    data = {"contenders": [recipe], "task_names": ["fill-json"], "runs": 1, "speed": measured}
    (folder / "trial.yaml").write_text(json.dumps(data))
    done = onbox(
        "trial", folder / "trial.yaml", "--out", folder / "out", env=environment(folder / "site"), timeout_s=400
    )
    assert done.returncode == 0, done.stderr
    return folder / "out"


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def test_its_start_has_the_phases_of_its_own_log(trial: Path) -> None:
    start = read(trial / "stranger" / "standup" / "phases.json")
    assert {"load", "capture", "ready"} <= {phase["name"] for phase in start["phases"]}
    assert [(line["part"], line["backend"]) for line in start["backends"]] == [("device", "abacus")]


def test_its_advice_stands_beside_the_call_that_never_came(trial: Path) -> None:
    cases = {case["name"]: case for case in read(trial / "stranger" / "preflight.json")["cases"]}
    assert cases["tool_call"]["status"] == "fail"
    assert cases["tool_call"]["remedy"] == "Nova: --mend no_call, started with --lazily"


def test_its_rate_has_three_witnesses(trial: Path) -> None:
    speed = verdict_of(trial)["contenders"][0]["speed"]
    rates = {witness["name"]: witness["tok_s"] for witness in speed["witnesses"]}
    assert set(rates) == {"client_bursts", "engine_counters", "engine_timings"}
    assert all(rates.values()), rates
    checks = {check["id"]: check["status"] for check in speed["checks"]}
    assert (checks["IDLE_BEFORE"], checks["IDLE_AFTER"], checks["COUNTER_RESET"]) == ("pass", "pass", "pass")
    assert read(trial / "stranger" / "speed" / "1" / "run.json")["profile"]["engine"] == "nova"


def test_its_run_is_asked_again_by_its_raw_route(trial: Path) -> None:
    run = next((trial / "stranger" / "runs").glob("*/*/1"))
    assert read(run / "run.json")["replay"]["raw_route"] == RAW_NAME
    requests = [json.loads(line) for line in (run / "replay.jsonl").read_text("utf-8").splitlines()]
    raw = [exchange for exchange in requests if exchange["purpose"] == "replay-raw"]
    assert raw
    assert all(exchange["status"] == 200 for exchange in raw)


def test_it_is_judged_the_same_where_the_package_is_not_installed(trial: Path) -> None:
    done = onbox("judge", trial, "--json", env=environment())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == verdict_of(trial)
