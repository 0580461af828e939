"""A run that ended without a call is asked again: which runs, what is sent, and for how long."""

import subprocess
import sys
from pathlib import Path

from onbox.bench.tampering import WatchedFiles
from onbox.bench.tasks import load_tasks
from onbox.bench.workspace import make_workspace


class TestTampering:
    def around(self, tmp_path: Path) -> tuple[WatchedFiles, Path, Path]:
        task = load_tasks("builtin", ["fill-json"])[0]
        before, after = tmp_path / "before", tmp_path / "after"
        make_workspace(task, before)
        make_workspace(task, after)
        return WatchedFiles(task, tmp_path), before, after

    def test_a_process_that_outlives_the_agent(self, tmp_path: Path) -> None:
        watched, before, after = self.around(tmp_path)
        left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], cwd=after)
        try:
            (found,) = watched.tampering(before, after)
        finally:
            left.kill()
            left.wait()
        assert f"a process outlived the agent: {left.pid} " in found
