"""A small real model behind a server that does not parse its calls: the bench says so, and scores it twice."""

import json
import shutil
from pathlib import Path

import pytest

from onbox.bench.assembly import assembled
from onbox.bench.tasks import BUILTIN
from onbox.evidence.records import Preflight
from tests.e2e.cli import environment, onbox, verdict_of
from tests.engine.conftest import OWN, qwen_recipe

NAME = "qwen-own-template"


@pytest.mark.engine
@pytest.mark.slow
def test_a_template_that_leaks_is_a_serving_failure_and_two_scores(tmp_path: Path) -> None:
    recipe = qwen_recipe(OWN).model_dump(mode="json", exclude_defaults=True)
    task = tmp_path / "tasks" / "fill-json"
    shutil.copytree(assembled(BUILTIN / "fill-json"), task)
    (task / "instruction.md").write_text("Call the tool `bash` with the command `python3 fill.py`.\n")
    trial = {
        "contenders": [{**recipe, "name": NAME, "sampling": {"temperature": 0.2}}],
        "tasks": str(tmp_path / "tasks"),
        "runs": 2,
        "speed": None,
        "limits": {"turns": 2, "turn_tokens": 96},
    }
    (tmp_path / "trial.yaml").write_text(json.dumps(trial))
    done = onbox("trial", tmp_path / "trial.yaml", "--out", tmp_path / "out", env=environment(), timeout_s=280)
    assert done.returncode == 0, done.stderr
    verdict = verdict_of(tmp_path / "out")
    codes = {run["code"] for run in verdict["runs"]}
    assert "S-LEAK" in codes, verdict["runs"]
    (contender,) = verdict["contenders"]
    assert (contender["passed"], contender["valid"]) == (0, 2)
    assert contender["pass_rate"] == 0.0
    assert contender["if_served_correctly"] >= 0.5
    leaked = sum(run["code"] == "S-LEAK" for run in verdict["runs"])
    assert any(f"{leaked} run" in reason and "failed in serving" in reason for reason in verdict["reasons"])
    preflight = Preflight.model_validate_json((tmp_path / "out" / NAME / "preflight.json").read_text())
    assert not preflight.tools
    assert "failed in serving" in " ".join(done.stderr.split())
