"""kill -9 at fifty random points of one bench: no finished run is lost, and none is done again."""

import json
import random
import time
from pathlib import Path

import pytest

from tests.e2e.cli import GONE_S, Session, environment, onbox, runs_of, scripted, verdict_of

KILLS = 50
RUNS = 50
SEED = 20261125
"""Of the points: a failure can be looked at again."""


def seconds_of_the_last(out: Path) -> float:
    """How long the newest finished run took: the pace of this box now, which others load too."""
    newest = max(out.glob("*/runs/*/*/*/run.json"), key=lambda path: path.stat().st_mtime_ns)
    return float(json.loads(newest.read_text())["seconds"])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_fifty_kills_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    out, scratch, points = tmp_path / "bench", tmp_path / "scratch", random.Random(SEED)
    scratch.mkdir()
    env = environment(TMPDIR=str(scratch))
    done: dict[str, tuple[int, str]] = {}
    kills = between = 0
    run_s = 0.0
    with scripted("good", "--stall-s", "0.05") as url:
        start: list[object] = ["bench", url, "--task", "fill-json", "--runs", RUNS, "--out", out]
        while kills < KILLS:
            session = Session(*start, env=env)
            session.wait_for("run .* begins")
            if not kills:
                session.wait_for("run 1: passed")
                run_s = seconds_of_the_last(out)
            # From the begin of a run on: within it, in the gate, while its record is written, between it and the next.
            time.sleep(points.uniform(0.0, 1.8 * run_s))
            session.kill()
            kills += 1
            assert session.left(within_s=GONE_S) == []
            now = runs_of(out)
            assert {path: now.get(path) for path in done} == done, f"kill {kills}: a finished run changed"
            for path in now:
                json.loads((out / path).read_text())
            if len(now) > len(done):
                between += 1
                run_s = seconds_of_the_last(out)
            done, start = now, ["trial", "--resume", out]
            if len(done) == RUNS:
                break
        last = onbox("trial", "--resume", out, env=env, timeout_s=300)
    assert last.returncode == 0, last.stderr
    assert kills == KILLS, f"all runs were finished after {kills} kills: ask for more of them"
    now = runs_of(out)
    assert {path: now[path] for path in done} == done
    assert len(now) == RUNS
    (contender,) = verdict_of(out)["contenders"]
    assert (contender["passed"], contender["valid"]) == (RUNS, RUNS)
    # The points were spread: lives that finished a run, and lives that did not.
    assert 5 <= between <= KILLS - 5, between
    assert not list(out.rglob("*.tmp"))
    assert onbox("verify", out).returncode == 0
