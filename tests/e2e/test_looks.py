"""Looks at a trial that is carried out: until it is settled, and once more than planned."""

import json
from pathlib import Path

import pytest

from onbox.app.verifying import verify_trial
from tests.e2e.cli import onbox, scripted, verdict_of


def ledger(folder: Path) -> list[tuple[str, int]]:
    lines = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
    return [(line["kind"], line["runs"]) for line in lines if "runs" in line]


@pytest.mark.slow
def test_until_settled_and_once_more(tmp_path: Path) -> None:
    """Two scripts say the same in every run, so nothing is settled, and each look is in the ledger."""
    out = tmp_path / "trial"
    with scripted("good") as old, scripted("leak") as new:
        first = onbox(
            "trial", old, new, "--quick", "--no-speed", "--until", "settled", "--runs", "4", "--out", out, "--json"
        )
        assert first.returncode == 0, first.stderr
        looks = json.loads(first.stdout)["looks"]
        assert ([each["runs"] for each in looks["made"]], looks["rule"]) == ([3, 4], "obrien-fleming")
        assert looks["made"][0]["level"] < looks["level"] < 0.05
        assert ledger(out) == [("looked", 3), ("looked", 4)]
        few = onbox("trial", "--resume", out, "--runs", "4")
        assert few.returncode == 2
        assert "the trial has 4 runs" in few.stderr
        more = onbox("trial", "--resume", out, "--runs", "5", "--json")
        assert more.returncode == 0, more.stderr
    looks = verdict_of(out)["looks"]
    assert [(each["runs"], each["planned"]) for each in looks["made"]] == [(3, True), (4, True), (5, False)]
    assert looks["error_bound"] > 0.05
    assert ledger(out)[2:] == [("extended", 5), ("looked", 5)]
    assert [each["attempted"] for each in verdict_of(out)["contenders"]] == [15, 15]
    assert verify_trial(out).mismatches == ()
