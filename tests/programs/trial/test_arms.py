"""Arms: read, carried out by turns, compared in pairs, and proven apart by what went over the wire."""

import json
from pathlib import Path

from tests.e2e.cli import onbox_here, scripted


def test_an_arm_that_leaked_fails_its_check(tmp_path: Path) -> None:
    arms, out = tmp_path / "arms.yaml", tmp_path / "bench"
    arms.write_text("arms: [{name: told, rules: USE YOUR TOOLS}]")
    with scripted("told") as url:
        onbox_here("bench", url, "--arms", arms, "--task", "fill-json", "--runs", "1", "--out", out)
    (record,) = (json.loads(path.read_text()) for path in out.glob("*/runs/*/told/*/run.json"))
    (wire,) = out.glob("*/runs/*/baseline/*/wire.jsonl")
    wire.write_text(wire.read_text().replace("You are a coding agent", record["canary"]))
    (check,) = (c for c in json.loads(onbox_here("judge", out, "--json").stdout)["checks"] if c["id"] == "ARM_ISOLATED")
    assert check["status"] == "fail"
    assert "1 runs of other arms did" in check["hint"]
