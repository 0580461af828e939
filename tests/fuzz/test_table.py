"""The script that prints the table of hostile replies, on a few of them: whole commands, their own limits, no fault."""

import json
import subprocess
import sys

import pytest

from tests.e2e.cli import ROOT, environment

EACH = 6
SOUND = 9
"""Seed of the kind `odd_frames`; the first ones are each of another kind."""


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_no_command_is_brought_down_by_a_reply() -> None:
    command = [sys.executable, str(ROOT / "bench" / "hostile_replies.py"), "--json", "--jobs", "2"]
    done = subprocess.run(
        [*command, "--each", str(EACH), "--from", str(SOUND - EACH // 2)],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) == {"speed", "preflight", "bench", "proxy"}
    for name, tally in found.items():
        assert (tally["runs"], tally["faults"]) == (EACH, {}), name
        assert sum(tally["outcomes"].values()) == EACH
        assert tally["replies"] >= EACH
    assert any(outcome.startswith("a measurement") for outcome in found["speed"]["outcomes"])
    assert any(outcome.startswith("runs, ") for outcome in found["bench"]["outcomes"])
