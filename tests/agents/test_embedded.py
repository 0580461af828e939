"""opencode on the embedded engine, from `onbox trial`: a real agent, a real model, too small for the work."""

import json
from pathlib import Path

import pytest

from tests.e2e.cli import onbox, verdict_of

pytestmark = [pytest.mark.agents, pytest.mark.engine, pytest.mark.bwrap, pytest.mark.slow, pytest.mark.timeout(420)]


def test_opencode_works_with_the_embedded_engine(tmp_path: Path) -> None:
    request = {
        "contenders": ["smollm2-135m"],
        "agent": "opencode",
        "task_names": ["fix-failing-test"],
        "runs": 1,
        "speed": None,
        "limits": {"turns": 1, "turn_tokens": 8, "wall_s": 300},
    }
    path, out = tmp_path / "trial.yaml", tmp_path / "trial"
    path.write_text(json.dumps(request))
    done = onbox("trial", path, "--out", out, timeout_s=400)
    assert done.returncode == 0, done.stderr
    (run,) = verdict_of(out)["runs"]
    # What becomes of it is the model's and the serving's affair; that it was a whole run is ours.
    assert run["outcome"] in ("failed", "serving failure"), run
    # The model's template leaves the tools out: what is left of opencode's 30 KB is its system prompt.
    assert run["prompt_tokens"] > 1500
    assert run["completion_tokens"] > 0
    assert run["ttft_s"] > 0
    plan = (out / "plan.yaml").read_text()
    assert "name: opencode" in plan
