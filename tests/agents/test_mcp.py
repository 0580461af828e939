"""An arm with a server of tools: a real one, started by real agents inside the sandbox.

The scripted model works by the server's tool alone, so that a run without it fails.
"""

import json
from pathlib import Path

import pytest

from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import ArmPlan, McpServer, RunRecord
from onbox.judge.runs.isolation import bears
from tests.agents.runs import Run, Scene, plan
from tests.e2e.cli import onbox, onbox_here, scripted, verdict_of
from tests.parts import each_agent

pytestmark = [pytest.mark.agents, pytest.mark.bwrap]

TOOLS = ArmPlan(name="tools", mcp={"files": McpServer(command=("mcp-server-filesystem", "{workspace}"))})
SAID = "Successfully wrote to config.json"
"""By the server, when its tool has written."""


def equipped(stage: Scene, name: str) -> Run:
    return stage.run(plan(name), "mcp", "fill-json", arm="tools", treatments={"tools": TOOLS})


@pytest.mark.slow
@pytest.mark.parametrize("name", each_agent("codex", "claude-code", "qwen-code"))
def test_the_agent_has_the_tool_and_calls_it(stage: Scene, name: str) -> None:
    run = equipped(stage, name)
    assert run.result.code == "PASS", (run.result, (run.folder / "agent.log").read_text()[-2000:])
    assert SAID in json.dumps(run.of("agent")[-1].request)
    assert run.record.changes.files == 1
    assert bears(TOOLS, [], run.exchanges)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_bench_whose_baseline_has_no_such_tool(tmp_path: Path) -> None:
    """opencode, from the command line: the plan names the server, the wire shows its tools in one arm alone."""
    arms, out = tmp_path / "arms.yaml", tmp_path / "bench"
    arms.write_text("arms: [{name: tools, mcp: {files: {command: [mcp-server-filesystem, '{workspace}']}}}]")
    arguments = ("--agent", "opencode", "--arms", arms, "--task", "fill-json", "--runs", "1", "--out", out)
    with scripted("mcp") as url:
        done = onbox("bench", url, *arguments, timeout_s=150)
    assert done.returncode == 0, done.stderr
    verdict = verdict_of(out)
    assert {run["arm"]: run["code"] for run in verdict["runs"]} == {"baseline": "M-NOCALL", "tools": "PASS"}
    (result,) = verdict["arms"]
    assert (result["passed"], result["baseline_passed"], result["pairs"]) == (1, 0, 1)
    assert [check["status"] for check in verdict["checks"] if check["id"] == "ARM_ISOLATED"] == ["pass"]
    (treated,) = out.glob("*/runs/*/tools/1")
    (baseline,) = out.glob("*/runs/*/baseline/1")
    assert "files_write_file" in (treated / "wire.jsonl").read_text()
    assert SAID in (treated / "wire.jsonl").read_text()
    assert "files_" not in (baseline / "wire.jsonl").read_text()
    assert "files_write_file" in (treated / "trajectory.json").read_text()
    assert RunRecord.model_validate_json((treated / "run.json").read_bytes()).changes.files == 1
    (planned,) = TrialFolder.open(out).plan().treatments
    assert planned.mcp["files"].command[0] == "mcp-server-filesystem"
    assert planned.mcp["files"].version[0].isdigit()
    assert onbox_here("verify", out).returncode == 0
