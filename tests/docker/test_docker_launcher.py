"""The launchers docker and podman, for real: a container is stood up, told apart from others, and gone afterwards.

What runs in it is a small scripted server: no engine fits into a test's image, and the launcher does not know the
difference.
"""

import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from onbox.engines import Launch
from onbox.engines.vllm.engine import Vllm
from onbox.errors import BoxError, EngineError
from onbox.evidence.records import StandUp
from onbox.launch import started_engines
from onbox.launch.lifetime import Lifetime
from onbox.launch.ports import free_port, port_open
from onbox.launch.resolve import resolve
from onbox.launch.running_engines import running_engines
from onbox.recipes import Recipe
from onbox.recipes.yaml_text import recipe_yaml
from tests.docker.conftest import Client
from tests.doubles.engine import SCRIPT
from tests.doubles.waiting import until
from tests.e2e.cli import onbox
from tests.unit.weights.checkpoints import write_gguf

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]

PROGRAM = """#!/usr/bin/python3
import json, mmap, os, runpy, signal, sys, time
words = sys.argv[1:]
# The first process of a container is deaf to signals that it does not handle.
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
assert words[0] == "serve"
print("INFO Starting to load model", words[1], flush=True)
open(words[1] + "/weights.bin").close()
if "SHARED" in os.environ:
    file = open(os.environ["SHARED"], "w+b")
    file.truncate(4096)
    held = mmap.mmap(file.fileno(), 4096)
if "--die" in words:
    sys.exit("error: unrecognized arguments: --die")
print("INFO Loading weights took 0.10 seconds", flush=True)
print("INFO Model loading took 61.3380 GiB memory and 66.35 seconds", flush=True)
print("INFO [MXFP4] Using backend: CUTLASS (--mxfp4-backend)", flush=True)
sys.argv = ["", json.dumps({"port": int(words[words.index("--port") + 1])})]
runpy.run_path("/w/engine_process.py", run_name="__main__")
"""
SETTINGS = {"FAKE_SETTING": "heard", "VLLM_CPU_KVCACHE_SPACE": "1"}
REGISTRY = """
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/registry}}}}
http: {{addr: '{address}'}}
"""
UP = """
import sys, time
from pathlib import Path
from onbox.engines.vllm.engine import Vllm
from onbox.recipes import Recipe
from onbox.launch.lifetime import Lifetime
home = Path(sys.argv[1])
recipe = Recipe.model_validate_json((home / "recipe.json").read_text())
with Lifetime(recipe, Vllm(), home / "weights", home / "life", reserve=0):
    print("up", flush=True)
    time.sleep(99)
"""


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An OCI registry on loopback, without TLS; its host and port."""
    address = f"127.0.0.1:{free_port()}"
    (tmp_path / "registry.yml").write_text(REGISTRY.format(folder=tmp_path, address=address))
    (tmp_path / "registries.conf").write_text(f'[[registry]]\nlocation = "{address}"\ninsecure = true\n')
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(tmp_path / "registries.conf"))
    with (tmp_path / "registry.log").open("wb") as log:
        server = subprocess.Popen(
            ["docker-registry", "serve", str(tmp_path / "registry.yml")], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        until(lambda: port_open("127.0.0.1", int(address.rpartition(":")[2])))
        yield address
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def recipe(client: Client, tmp_path: Path) -> Callable[..., Recipe]:
    """A recipe whose container runs the scripted server with this box's Python; the daemon has no bridge."""
    image = client.busybox("onbox-test:local")
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
                "launcher": client.program,
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


def test_it_is_stood_up_and_gone(client: Client, recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    base = recipe()
    other = client.ask(
        "run", "-d", "--name", "other", "--pull", "never", "--network", "none", "onbox-test:local", "/bin/sleep", "600"
    )
    try:
        with life_of(base, tmp_path) as life:
            name = f"onbox-contained-{life.endpoint.port}"
            assert set(client.names()) == {"other", name}
            assert client.ask("inspect", "--format", '{{index .Config.Labels "onbox"}}', name) == "contained"
            with life.client() as link:
                assert (link.get_json("/v1/models") or {})["data"][0]["seen"] == "heard"
            observations = [each for each in running_engines() if each.kind == "container"]
            assert [each.name for each in observations] == [name]
            # The program in the container is a process of this box, too: it is told as a container, once.
            inside = psutil.Process(observations[0].pid or 0)
            assert life.engine_pid == inside.pid
            assert inside.pid not in [each.pid for each in running_engines() if each.kind != "container"]
        assert client.names() == ["other"]
        assert not inside.is_running()
        assert not port_open("127.0.0.1", life.endpoint.port)
        record = StandUp.model_validate_json((tmp_path / "life" / "phases.json").read_text())
        assert [phase.name for phase in record.phases][:3] == ["start", "load", "finalize"]
        assert record.argv[:2] == (client.program, "run")
        assert client.ask("inspect", "--format", "{{.State.Running}}", "other") == "true"
    finally:
        client.ask("kill", other)
        client.ask("rm", other)


def test_one_that_dies_at_start_shows_why_and_leaves_nothing(
    client: Client, recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    with (
        pytest.raises(EngineError, match="its output: error: unrecognized arguments: --die") as caught,
        life_of(recipe(die=True), tmp_path),
    ):
        pass
    assert "take it out of serve.arguments" in caught.value.next_step
    assert client.names() == []


def test_a_container_that_does_not_start_shows_what_to_change(
    client: Client, recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    base = recipe()
    serve = base.serve.model_copy(update={"executable": "/w/nothing"})
    with pytest.raises(EngineError, match="/w/nothing") as caught:
        life_of(base.model_copy(update={"serve": serve}), tmp_path).__enter__()
    assert "the image has no such program: serve.executable" in caught.value.next_step
    assert client.names() == []


def test_an_image_that_is_not_here_is_not_pulled(client: Client, recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    base = recipe()
    assert base.container is not None
    missing = base.model_copy(update={"container": base.container.model_copy(update={"image": "registry.test/no:1"})})
    checks = {each.id: each for each in resolve(missing, reserve=0).checks}
    by_hand = "onbox image fetch registry.test/no:1, or container.pull: missing"
    assert (checks["launch.image"].status, checks["launch.image"].hint) == ("fail", by_hand)
    with pytest.raises(BoxError, match=r"launch.image: not here: whether registry.test/no:1") as caught:
        life_of(missing, tmp_path).__enter__()
    assert caught.value.next_step == by_hand


@pytest.mark.registry
def test_by_its_digest_the_very_image_is_fetched_and_run(
    client: Client, recipe: Callable[..., Recipe], registry: str, tmp_path: Path
) -> None:
    base = recipe()
    name = f"{registry}/engine:1"
    client.ask("tag", "onbox-test:local", name)
    client.ask("push", name)
    kinds = ("docker.distribution.manifest.v2+json", "oci.image.manifest.v1+json")
    asking = urllib.request.Request(f"http://{registry}/v2/engine/manifests/1", method="HEAD")
    asking.add_header("Accept", ", ".join(f"application/vnd.{kind}" for kind in kinds))
    with urllib.request.urlopen(asking) as answer:
        digest = answer.headers["Docker-Content-Digest"]
    client.ask("rmi", name, "onbox-test:local")
    assert base.container is not None
    listed = {"image": name, "digest": digest, "pull": "daemon"}
    pinned = base.model_copy(update={"container": base.container.model_copy(update=listed)})
    checks = {each.id: each.status for each in resolve(pinned, reserve=0).checks}
    assert (checks["launch.image"], checks["launch.pinned"]) == ("warn", "pass")
    with life_of(pinned, tmp_path):
        pass
    record = StandUp.model_validate_json((tmp_path / "life" / "phases.json").read_text())
    assert record.image is not None
    assert listed["digest"] in record.image.digests
    assert {each.id: each.status for each in resolve(pinned, reserve=0).checks}["launch.digest"] == "pass"
    other = pinned.model_copy(
        update={"container": pinned.container.model_copy(update={"digest": f"sha256:{'0' * 64}"})}  # type: ignore[union-attr]
    )
    with pytest.raises(EngineError, match="died at start"):
        life_of(other, tmp_path).__enter__()
    assert client.names() == []


def test_the_image_here_is_checked(recipe: Callable[..., Recipe]) -> None:
    checks = {each.id: each.status for each in resolve(recipe(), reserve=0).checks}
    assert checks["launch.architecture"] == "pass"
    assert checks["launch.pinned"] == "warn"
    assert "launch.image" not in checks


def test_a_kill_of_onbox_leaves_no_container(client: Client, recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(recipe().model_dump_json())
    (tmp_path / "up.py").write_text(UP)
    onbox = subprocess.Popen([sys.executable, str(tmp_path / "up.py"), str(tmp_path)], stdout=subprocess.PIPE)
    assert onbox.stdout is not None
    try:
        assert onbox.stdout.readline() == b"up\n"
        assert len(client.names()) == 1
    finally:
        onbox.send_signal(signal.SIGKILL)
        onbox.wait()
        onbox.stdout.close()
    deadline = time.monotonic() + 30
    while client.names() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert client.names() == []


def test_down_removes_what_it_left_in_the_shared_memory_of_the_box(
    client: Client, recipe: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the box's IPC namespace a container's segments are the box's; its processes are nobody's children here."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")
    segment = Path("/dev/shm") / f"onbox-test-{uuid.uuid4().hex}"
    base = recipe()
    assert base.container is not None
    serve = base.serve.model_copy(update={"environment": {**SETTINGS, "SHARED": str(segment)}})
    container = base.container.model_copy(update={"ipc": "host"})
    shared = base.model_copy(update={"container": container, "serve": serve})
    metadata = {"general.architecture": "llama", "llama.block_count": 1, "llama.embedding_length": 64}
    write_gguf(tmp_path / "weights" / "model.gguf", metadata, {"blk.0.ffn_up.weight": ("Q8_0", (64, 64))})
    (tmp_path / "shared.yaml").write_bytes(recipe_yaml(shared))
    try:
        done = onbox("up", tmp_path / "shared.yaml", "--reserve", "0")
        assert done.returncode == 0, done.stderr
        assert segment.exists()
        done = onbox("down", "contained", "--json")
        assert done.returncode == 0, done.stderr
        gone = json.loads(done.stdout)["gone"]
        assert (gone["container"], gone["shared_memory_removed"]) == (True, [segment.name])
        assert not segment.exists()
    finally:
        segment.unlink(missing_ok=True)
        for each in started_engines.all_running():
            started_engines.stop(each)


def test_the_ending_commands_do_no_harm_when_it_is_gone(
    client: Client, recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    launch: Launch = Vllm().launch(recipe(), tmp_path / "weights", 1)
    for command in launch.end:
        done = subprocess.run(command, capture_output=True, timeout=30, check=False)
        assert b"no such container" in done.stderr.lower() or (done.returncode, done.stderr) == (0, b"")
