"""The decode measurement against a scripted server: the order of things, and what is left as evidence."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onbox.speed import scraping
from onbox.speed.telemetry import CpuMeter


@pytest.fixture(autouse=True)
def _no_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scraping, "IDLE_GAP_S", 0.0)


SPIN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\nprint('spun', flush=True)"


HOLDS = """
import sys, time
held = open(sys.argv[1])
print("holds", flush=True)
if sys.argv[2] == "computes":
    while True:
        pass
time.sleep(60)
"""


class TestCpuMeter:
    @pytest.mark.parametrize(
        ("listed", "does", "opened"),
        [
            (True, "computes", True),
            (True, "waits", True),
            (False, "computes", False),
            pytest.param(False, "waits", None, id="the proxy of a port, with the engine elsewhere"),
        ],
    )
    def test_a_device_file_that_the_engine_has_open(
        self, listed: bool, does: str, opened: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        device = tmp_path / "nvidia0"
        device.touch()
        monkeypatch.setattr("onbox.speed.telemetry.ACCELERATOR_FILES", (str(device) if listed else "/dev/nvidia",))
        # However little of a core a busy box gives to what computes here.
        monkeypatch.setattr("onbox.speed.telemetry.COMPUTES_SHARE", 0.02)
        words = [sys.executable, "-c", HOLDS, str(device), does]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            meter = CpuMeter(child.pid)
            with meter.measuring():
                time.sleep(0.5)
            assert meter.opened_accelerator() is opened
            child.kill()

    def measure(self, engine_pid: int | None, body: Callable[[], Any]) -> Any:
        meter = CpuMeter(engine_pid)
        with meter.measuring():
            body()
        return meter.window

    def test_an_engine_counts_with_its_children(self) -> None:
        engine = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {SPIN!r}])\nsys.stdin.read()"
        with subprocess.Popen([sys.executable, "-c", engine], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            window = self.measure(process.pid, process.stdout.readline)
            process.kill()
        assert window.engine_s >= 0.25
        assert window.own_s < 0.25

    def test_an_engine_that_is_gone_is_none_and_not_zero(self) -> None:
        with subprocess.Popen([sys.executable, "-S", "-c", ""]) as process:
            process.wait()
            assert self.measure(process.pid, lambda: None).engine_s is None
