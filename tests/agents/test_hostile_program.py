"""A program that was named as an agent does what it likes: it costs its run, and reaches neither box nor terminal."""

import json
import re
import time
from pathlib import Path

import pytest

from tests.e2e.cli import onbox, scripted
from tests.programs.bench.sandbox.place import alive

pytestmark = [pytest.mark.bwrap, pytest.mark.slow]
NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
SCRIPT = """#!/bin/sh
touch {touched}
printf '\\033]0;owned\\007\\033[2J'
for n in 1 2 3 4 5 6 7 8; do setsid sleep {mark} & done
(sleep {mark} & :) &
yes flood | head -c 50000000
printf '\\033[31mlast words \\302\\233 \\342\\200\\256 \\377'
{end}
"""


@pytest.mark.parametrize(("end", "shape"), [("exit 3", ()), ("kill -9 -1", ("--json",))])
def test_it_floods_forks_and_speaks_to_the_terminal(tmp_path: Path, end: str, shape: tuple[str, ...]) -> None:
    mark, touched, out = f"86.{time.monotonic_ns()}", tmp_path / "was-here", tmp_path / "bench"
    program = tmp_path / "agent"
    program.write_text(SCRIPT.format(mark=mark, touched=touched, end=end))
    program.chmod(0o755)
    with scripted("good") as url:
        few = ("--task", "fill-json", "--runs", "1", "--out", out)
        done = onbox("bench", url, *few, "--agent", f"cmd:{program} {{prompt}}", *shape)
    assert done.returncode == 0, done.stderr
    assert not NOT_TEXT.search((done.stdout + done.stderr).replace("\n", ""))
    assert "I-AGENT" in done.stdout + done.stderr
    if shape:
        (run,) = json.loads(done.stdout)["runs"]
        assert (run["outcome"], run["attribution"]) == ("invalid", "agent")
    assert not touched.exists(), "neither for its version nor for its run is it started outside a sandbox"
    assert alive(mark) == []
    assert max(path.stat().st_size for path in out.rglob("*")) < 8 * 2**20
