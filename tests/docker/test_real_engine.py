"""A real engine in an image that is built here, with real weights: stood up, watched, measured, gone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from onbox import recipes
from onbox.fetch import pinned
from onbox.launch import started_engines
from onbox.watch.recording import WatchRecording
from tests.docker.conftest import Client
from tests.e2e.cli import environment, onbox
from tests.llama_image import SERVER, write_context

pytestmark = [pytest.mark.docker, pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(400)]
MIB = 2**20


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("llama-image")
    write_context(folder)
    return folder


@pytest.fixture
def env(tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")
    yield environment()
    for each in started_engines.all_running():
        started_engines.stop(each)


@pytest.fixture
def recipe(client: Client, context: Path, tmp_path: Path) -> Path:
    client.busybox("onbox-base:local")
    source = recipes.load("smollm2-135m").weights
    assert source is not None
    weights, _ = pinned.fetch(source, lambda done, total, where: None)
    container = {"image": "onbox-built/llama", "build": {"context": str(context)}, "network": "host", "ipc": "host"}
    serve = {"executable": SERVER, "context_tokens": 2048, "threads": 1}
    data = {
        "name": "boxed",
        "engine": "llama-server",
        "engine_version": "b11549",
        "launcher": client.program,
        "container": container,
        "weights": {"path": str(weights)},
        "serve": serve,
        "expect": {"backends": {"device": "CPU"}},
        # The watch looks once a second at who has joined: a start that is over sooner may show nobody.
        "warm_up": {"requests": 12},
    }
    path = tmp_path / "boxed.yaml"
    path.write_text(json.dumps(data))
    return path


def json_of(*arguments: object, env: dict[str, str]) -> dict[str, Any]:
    done = onbox(*arguments, "--json", env=env, timeout_s=200)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_it_serves_from_its_container_and_nothing_is_left(client: Client, recipe: Path, env: dict[str, str]) -> None:
    shared = set(Path("/dev/shm").iterdir())
    result = json_of("up", recipe, env=env)
    assert [phase["name"] for phase in result["phases"]] == [
        "build",
        "start",
        "load",
        "kv",
        "ready",
        "first token",
        "warm-up",
    ]
    assert result["backend"]["status"] == "proven"
    assert max(phase["peak_bytes"] for phase in result["phases"]) > 50 * MIB
    # The engine is no child of the client: it is seen by its group, and held to the plan by its process.
    samples = list(WatchRecording(Path(result["folder"]) / "standup" / "samples.jsonl"))
    assert max(group.cpu_s for sample in samples for group in sample.groups or ()) > 0.2
    (name,) = client.names()
    pid = int(client.ask("inspect", "--format", "{{.State.Pid}}", name))
    assert json_of("ps", env=env)["engines"][0]["state"] == "serving"
    found = started_engines.find("boxed")
    assert found is not None
    assert pid in found.processes()
    assert (found.held_bytes() or 0) > 50 * MIB
    gone = json_of("down", "boxed", env=env)["gone"]
    assert (gone["process"], gone["port"], gone["container"]) == (True, True, True)
    assert client.names() == []
    assert not psutil.pid_exists(pid)
    assert set(Path("/dev/shm").iterdir()) <= shared


def test_a_trial_of_it_comes_to_its_end(client: Client, recipe: Path, env: dict[str, str], tmp_path: Path) -> None:
    """Built, measured, worked with, judged and sealed; its processor time is the engine's, and not that of others."""
    trial, out = tmp_path / "trial.yaml", tmp_path / "out"
    speed = {"requests": 2, "tokens": 32, "warmup_requests_max": 2}
    limits = {"turns": 2, "wall_s": 60, "turn_tokens": 64}
    request = {"contenders": [str(recipe)], "task_names": ["fill-json"], "runs": 1, "speed": speed, "limits": limits}
    trial.write_text(json.dumps(request))
    done = onbox("trial", trial, "--out", out, env=env, timeout_s=200)
    assert done.returncode == 0, done.stderr
    (contender,) = json.loads((out / "verdict.json").read_text())["contenders"]
    assert (contender["valid"], contender["invalid"]) == (1, 0)
    rates = [witness["tok_s"] for witness in contender["speed"]["witnesses"] if not witness["name"].startswith("cold")]
    assert len(rates) == 3
    assert max(rates) < 1.03 * min(rates)
    windows = [json.loads(line) for line in (out / "boxed/speed/1/telemetry.jsonl").read_text().splitlines()]
    measured = [window["cpu"] for window in windows if window.get("purpose") == "measured"]
    assert sum(window["engine_s"] for window in measured) > 0.5 * sum(window["wall_s"] for window in measured)
    assert client.names() == []
    assert onbox("verify", out).returncode == 0
