"""A container that makes room for another engine, and is running again at the end, also after a crash."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from onbox.errors import UsageError
from onbox.launch import started_engines
from onbox.launch.swap_out import SwapOut
from tests.docker.conftest import Client
from tests.doubles.scripted_plugin import OPTIONS
from tests.doubles.waiting import until
from tests.e2e.cli import Session, environment, onbox

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]
HOLDS = """
import sys
from onbox.launch.swap_out import SwapOut
with SwapOut("daily"):
    print("gone", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def daily(client: Client) -> Iterator[Client]:
    """A container of somebody else, called `daily`, that ends when it is asked to."""
    image = client.busybox("onbox-daily:local")
    script = "trap 'exit 0' TERM; while true; do sleep 0.1; done"
    client.ask("run", "-d", "--name", "daily", "--pull", "never", "--network", "none", image, "/bin/sh", "-c", script)
    yield client
    client.ask("kill", "daily")
    client.ask("rm", "daily")


def runs(client: Client) -> bool:
    return client.ask("inspect", "--format", "{{.State.Running}}", "daily") == "true"


def test_it_is_back_at_the_end_and_after_a_kill(daily: Client, tmp_path: Path) -> None:
    with SwapOut("daily"):
        assert not runs(daily)
    assert runs(daily)
    held = subprocess.Popen(
        [sys.executable, "-c", HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    )
    with held:
        assert held.stdout is not None
        assert held.stdout.readline() == b"gone\n"
        assert not runs(daily)
        held.send_signal(signal.SIGKILL)
    until(lambda: runs(daily))


def test_up_and_down_with_it(
    daily: Client, tmp_path: Path, plugin_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")
    env = {**os.environ, **{name: plugin_env[name] for name in plugin_env.keys() - os.environ.keys()}}
    env["PYTHONPATH"] = plugin_env["PYTHONPATH"]
    (tmp_path / "weights.bin").write_bytes(b"no weights")
    recipe = tmp_path / "guest.yaml"

    def write(options: str) -> None:
        serve = {"environment": {OPTIONS: options}}
        data = {"name": "guest", "engine": "scripted", "weights": {"path": "weights.bin"}, "serve": serve}
        recipe.write_text(json.dumps(data))

    write("")
    try:
        done = onbox("up", recipe, "--replace", "daily", env=env)
        assert done.returncode == 0, done.stderr
        assert not runs(daily)
        assert onbox("down", "guest", env=env).returncode == 0
        until(lambda: runs(daily))
        # The same when onbox is killed before it serves.
        write("--load-s 60")
        session = Session("up", recipe, "--replace", "daily", env=env)
        session.wait_for("guest: load begins")
        assert not runs(daily)
        session.kill()
        until(lambda: runs(daily), 30)
    finally:
        for each in started_engines.all_running():
            started_engines.stop(each)


def test_one_that_nobody_could_start_again_is_left_alone(client: Client) -> None:
    image = client.busybox("onbox-daily:local")
    client.ask("run", "-d", "--rm", "--name", "fleeting", "--pull", "never", "--network", "none", image, "sleep", "60")
    try:
        with pytest.raises(UsageError, match="started with --rm: once stopped it cannot be started again"):
            SwapOut("fleeting")
        assert "fleeting" in client.names()
    finally:
        client.ask("kill", "fleeting")
