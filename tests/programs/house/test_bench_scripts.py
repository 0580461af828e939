"""The benchmark scripts still run; what they measure is for a quiet box and no test."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[3] / "bench"


@pytest.mark.parametrize(
    ("script", "arguments", "message"),
    [
        ("reader_throughput.py", ["--rate", "500", "--seconds", "0.2", "--runs", "1"], "events a second with a p99"),
        ("proxy_overhead.py", ["--events", "5", "--requests", "1"], "proxied"),
    ],
)
def test_runs(script: str, arguments: list[str], message: str) -> None:
    done = subprocess.run([sys.executable, BENCH / script, *arguments], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert message in done.stdout
