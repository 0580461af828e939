"""What is found before a launch: the plan against the reserve, ports, engines, images, options, variables."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from onbox.launch.running_engines import running_engines
from tests.unit.launch.spark import found


class TestResidents:
    @pytest.fixture
    def foreign(self, tmp_path: Path) -> Iterator[psutil.Process]:
        """Somebody else's llama-server: another program under that name."""
        program = tmp_path / "llama-server"
        program.write_text(f"#!{sys.executable} -S\nimport time\ntime.sleep(60)\n")
        program.chmod(0o755)
        child = subprocess.Popen([str(program), "--model", "m.gguf"], stdout=subprocess.DEVNULL)
        try:
            yield psutil.Process(child.pid)
        finally:
            child.kill()
            child.wait()

    def test_a_foreign_engine_is_named_and_left_alone(self, foreign: psutil.Process) -> None:
        observations = [each for each in running_engines() if each.pid == foreign.pid]
        assert [(each.kind, each.name) for each in observations] == [("process", "")]
        assert "llama-server" in observations[0].command
        check = found(living=tuple(observations))["launch.resident"]
        assert check.status == "warn"
        assert f"not started by onbox: {foreign.pid}; stop them yourself" in check.hint
        assert "--replace" not in check.hint
        assert foreign.is_running()

    def test_our_own_do_not_count(self, foreign: psutil.Process) -> None:
        assert foreign.pid not in [each.pid for each in running_engines(ours=(foreign.pid,))]
