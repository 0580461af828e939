"""kill -9 at random points of one bench, of one run at a time and of three: none is lost, and none is done again."""

import json
import random
import time
from pathlib import Path

import pytest

from tests.e2e.cli import GONE_S, Session, environment, onbox, onbox_here, runs_of, scripted, verdict_of

SEED = 20261125
"""Of the points: a failure can be looked at again."""
HEAD = """| kills | runs side by side | lives that finished a run | runs in the end | lost | done again | left running |
|---|---|---|---|---|---|---|"""


def seconds_of_the_last(out: Path) -> float:
    """How long the newest finished run took: the pace of this box now, which others load too."""
    newest = max(out.glob("*/runs/*/*/*/run.json"), key=lambda path: path.stat().st_mtime_ns)
    return float(json.loads(newest.read_text())["seconds"])


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kills", "runs", "parallel"), [(50, 50, 1), (10, 60, 3)])
def test_kills_lose_nothing_and_repeat_nothing(kills: int, runs: int, parallel: int, tmp_path: Path) -> None:
    out, scratch, points = tmp_path / "bench", tmp_path / "scratch", random.Random(SEED)
    scratch.mkdir()
    env = environment(TMPDIR=str(scratch))
    done: dict[str, tuple[int, str]] = {}
    killed = between = 0
    left: list[str] = []
    run_s = 0.0
    with scripted("good", "--stall-s", "0.05") as url:
        arguments = ("--task", "fill-json", "--runs", runs, "--parallel", parallel, "--out", out)
        start: list[object] = ["bench", url, *arguments]
        while killed < kills:
            session = Session(*start, env=env)
            session.wait_for("run .* begins")
            if not killed:
                session.wait_for("run .: passed")
                run_s = seconds_of_the_last(out)
            # From the begin of a run on: within it, in the gate, while its record is written, between it and the next.
            time.sleep(points.uniform(0.0, 1.8 * run_s))
            session.kill()
            killed += 1
            left += session.left(within_s=GONE_S)
            assert left == []
            now = runs_of(out)
            assert {path: now.get(path) for path in done} == done, f"kill {killed}: a finished run changed"
            for path in now:
                json.loads((out / path).read_text())
            if len(now) > len(done):
                between += 1
                run_s = seconds_of_the_last(out)
            done, start = now, ["trial", "--resume", out]
            if len(done) == runs:
                break
        last = onbox("trial", "--resume", out, env=env, timeout_s=300)
    assert last.returncode == 0, last.stderr
    assert killed == kills, f"all runs were finished after {killed} kills: ask for more of them"
    now = runs_of(out)
    lost = sum(path not in now for path in done)
    changed = sum(now.get(path) not in (None, end) for path, end in done.items())
    print(f"\n{HEAD}\n| {killed} | {parallel} | {between} | {len(now)} of {runs} | {lost} | {changed} | {len(left)} |")
    assert {path: now[path] for path in done} == done
    assert len(now) == runs
    (contender,) = verdict_of(out)["contenders"]
    assert (contender["passed"], contender["valid"]) == (runs, runs)
    # The points were spread: lives that finished a run, and, where runs do not overlap, lives that did not.
    assert kills // 10 <= between <= kills - (kills // 10 if parallel == 1 else 0), between
    assert not list(out.rglob("*.tmp"))
    assert onbox_here("verify", out).returncode == 0
