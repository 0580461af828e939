"""Runs spread over a cluster, as far as no cluster is needed: who does what, what travels, what is refused."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.cli import environment, onbox_here


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed here")
def test_without_ray_one_line_says_what_to_install(tmp_path: Path) -> None:
    done = onbox_here("trial", "smollm2-135m", "--ray", "127.0.0.1:6379", "--out", tmp_path / "t")
    assert done.returncode == 3
    assert done.stderr.splitlines()[-2:] == [
        "onbox: --ray: Ray is not installed here",
        "  next: pip install 'onbox[ray]' on every node of the cluster",
    ]
    assert not (tmp_path / "t").exists()


def test_nothing_of_ray_is_imported_by_a_trial_without_it() -> None:
    script = "import sys, onbox.trial.runner; print([name for name in sys.modules if name.split('.')[0] == 'ray'])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment(), check=True)
    assert json.loads(done.stdout) == []


def test_a_server_that_runs_already_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onbox.trial.plan.require_ray", lambda: None)
    done = onbox_here("trial", "http://127.0.0.1:1/v1", "--ray", "127.0.0.1:6379", "--out", tmp_path / "t")
    assert done.returncode == 2
    assert "is a server that is already running, and each node needs its own" in done.stderr
