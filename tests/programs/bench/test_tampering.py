"""A process that a run left is found."""

import subprocess
import sys
from pathlib import Path

from tests.unit.bench.test_tampering import around


def test_a_process_that_outlives_the_agent(tmp_path: Path) -> None:
    watched, before, after = around(tmp_path)
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], cwd=after)
    try:
        (found,) = watched.tampering(before, after)
    finally:
        left.kill()
        left.wait()
    assert f"a process outlived the agent: {left.pid} " in found
