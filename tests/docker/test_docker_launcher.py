"""The launcher docker, for real: a container is stood up, told apart from others, and gone afterwards.

What runs in it is a small scripted server: no engine fits into a test's image, and the launcher does not know the
difference.
"""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from onbox.engines import Launch
from onbox.engines.vllm import Vllm
from onbox.errors import BoxError, EngineError
from onbox.evidence.records import StandUp
from onbox.recipes import Recipe
from onbox.standup.ports import port_open
from onbox.standup.process import Lifetime
from onbox.standup.residents import residents
from onbox.standup.resolve import resolve
from tests.dockerd import Dockerd
from tests.doubles.engine import SCRIPT

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]

PROGRAM = """#!/usr/bin/python3
import json, runpy, sys, time
words = sys.argv[1:]
assert words[0] == "serve"
print("INFO Starting to load model", words[1], flush=True)
open(words[1] + "/weights.bin").close()
if "--die" in words:
    sys.exit("error: unrecognized arguments: --die")
print("INFO Loading weights took 0.10 seconds", flush=True)
print("INFO Model loading took 61.3380 GiB memory and 66.35 seconds", flush=True)
print("INFO [MXFP4] Using backend: CUTLASS (--mxfp4-backend)", flush=True)
sys.argv = ["", json.dumps({"port": int(words[words.index("--port") + 1])})]
runpy.run_path("/w/engine_process.py", run_name="__main__")
"""
SETTINGS = {"FAKE_SETTING": "heard", "VLLM_CPU_KVCACHE_SPACE": "1"}
UP = """
import sys, time
from pathlib import Path
from onbox.engines.vllm import Vllm
from onbox.recipes import Recipe
from onbox.standup.process import Lifetime
home = Path(sys.argv[1])
recipe = Recipe.model_validate_json((home / "recipe.json").read_text())
with Lifetime(recipe, Vllm(), home / "weights", home / "life", reserve=0):
    print("up", flush=True)
    time.sleep(99)
"""


@pytest.fixture
def recipe(dockerd: Dockerd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Recipe]:
    """A recipe whose container runs the scripted server with this box's Python; the daemon has no bridge."""
    monkeypatch.setenv("DOCKER_HOST", dockerd.host)
    image = dockerd.busybox("onbox-test:local")
    work = tmp_path / "work"
    work.mkdir()
    (work / "vllm").write_text(PROGRAM)
    (work / "vllm").chmod(0o755)
    shutil.copy(SCRIPT, work / "engine_process.py")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "weights.bin").touch()

    def make(**arguments: bool) -> Recipe:
        mounts = [{"host": path, "inside": path} for path in ("/usr", "/lib", "/lib64")]
        return Recipe.model_validate(
            {
                "name": "contained",
                "engine": "vllm",
                "engine_version": "0.14.0",
                "launcher": "docker",
                "container": {
                    "image": image,
                    "network": "host",
                    "mounts": [*mounts, {"host": str(work), "inside": "/w"}],
                },
                "weights": {"path": str(tmp_path / "weights")},
                "serve": {
                    "executable": "/w/vllm",
                    "arguments": arguments,
                    "environment": SETTINGS,
                },
            }
        )

    return make


def life_of(recipe: Recipe, tmp_path: Path) -> Lifetime:
    return Lifetime(recipe, Vllm(), tmp_path / "weights", tmp_path / "life", patience_s=60, reserve=0)


def containers(dockerd: Dockerd) -> list[str]:
    return dockerd.docker("ps", "-a", "--format", "{{.Names}}").split()


def test_it_is_stood_up_and_gone(dockerd: Dockerd, recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    asked = recipe()
    other = dockerd.docker(
        "run", "-d", "--name", "other", "--pull", "never", "--network", "none", "onbox-test:local", "/bin/sleep", "600"
    )
    try:
        with life_of(asked, tmp_path) as life:
            name = f"onbox-contained-{life.endpoint.port}"
            assert set(containers(dockerd)) == {"other", name}
            assert dockerd.docker("inspect", "--format", '{{index .Config.Labels "onbox"}}', name) == "contained"
            with life.client() as client:
                assert (client.get_json("/v1/models") or {})["data"][0]["seen"] == "heard"
            seen = [each for each in residents() if each.kind == "container"]
            assert [each.name for each in seen] == [name]
            # The program in the container is a process of this box, too: it is told as a container, once.
            inside = psutil.Process(seen[0].pid or 0)
            assert inside.pid not in [each.pid for each in residents() if each.kind != "container"]
        assert containers(dockerd) == ["other"]
        assert not inside.is_running()
        assert not port_open("127.0.0.1", life.endpoint.port)
        record = StandUp.model_validate_json((tmp_path / "life" / "phases.json").read_text())
        assert [phase.name for phase in record.phases][:3] == ["start", "load", "finalize"]
        assert record.argv[:2] == ("docker", "run")
        assert dockerd.docker("inspect", "--format", "{{.State.Running}}", "other") == "true"
    finally:
        dockerd.docker("rm", "-f", other)


def test_one_that_dies_at_start_tells_why_and_leaves_nothing(
    dockerd: Dockerd, recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    with (
        pytest.raises(EngineError, match="it said: error: unrecognized arguments: --die") as caught,
        life_of(recipe(die=True), tmp_path),
    ):
        pass
    assert "take it out of serve.arguments" in caught.value.next_step
    assert containers(dockerd) == []


def test_an_image_that_is_not_here_is_not_pulled(
    dockerd: Dockerd, recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    asked = recipe()
    assert asked.container is not None
    missing = asked.model_copy(update={"container": asked.container.model_copy(update={"image": "registry.test/no:1"})})
    checks = {each.id: each for each in resolve(missing, reserve=0).checks}
    assert (checks["launch.image"].status, checks["launch.image"].hint) == ("fail", "docker pull registry.test/no:1")
    with pytest.raises(BoxError, match=r"launch.image: not here: whether registry.test/no:1") as caught:
        life_of(missing, tmp_path).__enter__()
    assert caught.value.next_step == "docker pull registry.test/no:1"


def test_the_image_here_is_checked(recipe: Callable[..., Recipe]) -> None:
    checks = {each.id: each.status for each in resolve(recipe(), reserve=0).checks}
    assert checks["launch.architecture"] == "pass"
    assert checks["launch.pinned"] == "warn"
    assert "launch.image" not in checks


def test_a_kill_of_onbox_leaves_no_container(dockerd: Dockerd, recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(recipe().model_dump_json())
    (tmp_path / "up.py").write_text(UP)
    onbox = subprocess.Popen([sys.executable, str(tmp_path / "up.py"), str(tmp_path)], stdout=subprocess.PIPE)
    assert onbox.stdout is not None
    try:
        assert onbox.stdout.readline() == b"up\n"
        assert len(containers(dockerd)) == 1
    finally:
        onbox.send_signal(signal.SIGKILL)
        onbox.wait()
        onbox.stdout.close()
    deadline = time.monotonic() + 30
    while containers(dockerd) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert containers(dockerd) == []


def test_the_ending_commands_do_no_harm_when_it_is_gone(
    dockerd: Dockerd, recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    launch: Launch = Vllm().launch(recipe(), tmp_path / "weights", 1)
    for command in launch.end:
        done = subprocess.run(command, capture_output=True, env=dockerd.environment, timeout=30, check=False)
        assert b"No such container" in done.stderr
