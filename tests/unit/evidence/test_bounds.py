"""What no record may hold: numbers that are none, negative times, plans without an end, names that lead elsewhere."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from onbox.errors import UsageError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import RunRecord
from tests.builders import SMALL, build_trial, run_record


def plan_with(folder: Path, change: Any) -> TrialFolder:
    trial = build_trial(folder, [SMALL], speed=False, runs=1)
    data = yaml.safe_load((trial.path / "plan.yaml").read_text())
    change(data)
    (trial.path / "plan.yaml").write_text(yaml.safe_dump(data))
    return trial


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda plan: plan.update(runs=1_000_000_000), "runs"),
        (lambda plan: plan.update(runs=-1), "runs"),
        (lambda plan: plan.update(parallel=0), "parallel"),
        (lambda plan: plan["agent"]["limits"].update(wall_s=float("nan")), "agent.limits.wall_s"),
        (lambda plan: plan["agent"]["limits"].update(wall_s=float("inf")), "agent.limits.wall_s"),
        (lambda plan: plan["agent"]["limits"].update(wall_s=1e300), "agent.limits.wall_s"),
        (lambda plan: plan["agent"]["limits"].update(command_s=1e300), "agent.limits.command_s"),
        (lambda plan: plan["agent"]["limits"].update(turns=10**12), "agent.limits.turns"),
        (lambda plan: plan["agent"]["limits"].update(turn_tokens=-1), "agent.limits.turn_tokens"),
        (lambda plan: plan["agent"].update(nudges=10**9), "agent.nudges"),
        (lambda plan: plan["replay"].update(rounds=10**9), "replay.rounds"),
        (lambda plan: plan.update(speed={"requests": 10**9}), "speed.requests"),
        (lambda plan: plan.update(speed={"concurrency": [10**9]}), "speed.concurrency.0"),
        (lambda plan: plan.update(speed={"concurrency": [0]}), "speed.concurrency.0"),
        (lambda plan: plan.update(speed={"depths": [10**12]}), "speed.depths.0"),
        (lambda plan: plan.update(speed={"at_least_s": 1e300}), "speed.at_least_s"),
        (lambda plan: plan.update(seed=10**400), "seed"),
        (lambda plan: plan.update(looks=[10**9]), "looks.0"),
        *(
            (lambda plan, name=name: plan["contenders"][0].update(name=name), "contenders.0.name")
            for name in ("../../etc", "..", ".", "", "a/b", "a\\b", "a\nb", "\x1b[2J", "/etc", ".hidden", "n" * 201)
        ),
        (lambda plan: plan["tasks"][0].update(name="../x"), "tasks.0.name"),
        (lambda plan: plan.update(arms=["baseline", "../x"]), "arms.1"),
    ],
)
def test_a_plan_names_the_field_that_is_out_of_bounds(tmp_path: Path, change: Any, field: str) -> None:
    with pytest.raises(UsageError, match=rf"plan\.yaml: {field.replace('.', '[.]')}: "):
        plan_with(tmp_path / "trial", change).plan()


@pytest.mark.parametrize("name", ["Qwen3.5 27B (marlin)", "127.0.0.1-33783", "モデル", "a..b", "x" * 200])
def test_an_odd_name_that_is_one_folder_is_fine(tmp_path: Path, name: str) -> None:
    assert (
        plan_with(tmp_path / "t", lambda plan: plan["contenders"][0].update(name=name)).plan().contenders[0].name
        == name
    )


@pytest.mark.parametrize(
    ("field", "written"),
    [
        ("seconds", "NaN"),
        ("seconds", "Infinity"),
        ("seconds", "-1"),
        ("seconds", "1e999"),
        ("agent_s", "-0.5"),
        ("n", "0"),
        ("n", "1e30"),
        ("beside", "-1"),
        ("contender", '"../../etc"'),
        ("task", '"/etc"'),
    ],
)
def test_a_run_out_of_bounds_is_one_line_that_names_the_file(tmp_path: Path, field: str, written: str) -> None:
    data = run_record().model_dump(mode="json")
    text = json.dumps(data | {field: "@"}).replace('"@"', written)
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(UsageError, match=r"run\.json: ") as raised:
        TrialFolder(tmp_path).read(RunRecord, tmp_path / "run.json")
    assert "\n" not in raised.value.message


@pytest.mark.parametrize("line", ['{"id": NaN}', '{"id": 1, "request": {"x": Infinity}}', '{"id": -Infinity}'])
def test_a_line_with_what_is_no_number_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "wire.jsonl").write_text(line + "\n")
    with pytest.raises(UsageError, match=r"wire\.jsonl:1: not JSON: -?(?:NaN|Infinity)"):
        TrialFolder(tmp_path).exchanges(tmp_path / "wire.jsonl")
