"""An image that a recipe builds: once for the same inputs, under the watch, sealed into the evidence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onbox import recipes
from onbox.engines.vllm.engine import Vllm
from onbox.errors import BoxError
from onbox.evidence.records import StandUp
from onbox.launch.lifetime import Lifetime
from onbox.launch.resolve import resolve
from onbox.recipes import Recipe
from onbox.watch.recording import WatchRecording
from tests.docker.conftest import Client
from tests.docker.test_docker_launcher import PROGRAM, SETTINGS
from tests.doubles.engine import SCRIPT
from tests.e2e.cli import onbox_here

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]

DOCKERFILE = """ARG BASE
FROM ${BASE}
ARG CHIP=none
COPY vllm engine_process.py /w/
RUN busybox chmod 755 /w/vllm
RUN i=0; while [ $i -lt 4000000 ]; do i=$((i+1)); done; echo built for $CHIP
"""


@pytest.fixture
def file(client: Client, tmp_path: Path) -> Callable[..., Path]:
    """Writes a recipe whose image is built of the scripted server; it runs with this box's Python."""
    base = client.busybox("onbox-base:local")
    folder = tmp_path / "image"
    folder.mkdir()
    (folder / "vllm").write_text(PROGRAM)
    (folder / "engine_process.py").write_bytes(SCRIPT.read_bytes())
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "weights.bin").touch()

    def write(dockerfile: str = DOCKERFILE, **arguments: str) -> Path:
        (folder / "Dockerfile").write_text(dockerfile)
        build: dict[str, Any] = {"context": "image", "arguments": {"BASE": base, **arguments}}
        mounts = [{"host": path, "inside": path} for path in ("/usr", "/lib", "/lib64")]
        container = {"image": "onbox-built/engine", "build": build, "network": "host", "mounts": mounts}
        data = {
            "name": "built",
            "engine": "vllm",
            "engine_version": "0.14.0",
            "launcher": client.program,
            "container": container,
            "weights": {"path": "weights"},
            "serve": {"executable": "/w/vllm", "environment": SETTINGS},
        }
        path = tmp_path / "built.yaml"
        path.write_text(json.dumps(data))
        return path

    return write


def life_of(recipe: Recipe, folder: Path) -> Lifetime:
    assert recipe.weights is not None
    assert recipe.weights.path is not None
    return Lifetime(recipe, Vllm(), Path(recipe.weights.path), folder, patience_s=60, reserve=0)


def test_it_is_built_once_watched_and_sealed(client: Client, file: Callable[..., Path], tmp_path: Path) -> None:
    recipe = recipes.find(str(file(CHIP="121a")))
    assert recipe.container is not None
    assert recipe.container.build is not None
    checks = {each.id: each for each in resolve(recipe, reserve=0).checks}
    assert (checks["launch.image"].status, checks["launch.image"].observed) == ("pass", "to be built")
    with life_of(recipe, tmp_path / "first"):
        pass
    record = StandUp.model_validate_json((tmp_path / "first" / "phases.json").read_text())
    assert record.phases[0].name == "build"
    assert "built for 121a" in (tmp_path / "first" / "build.log").read_text()
    image = record.image
    assert image is not None
    assert image.reference == f"onbox-built/engine:{recipe.container.build.sha256[:12]}"
    assert image.id == client.ask("image", "inspect", "--format", "{{.Id}}", image.reference)
    assert image.build_sha256 == recipe.container.build.sha256
    # The step that works is seen: nobody's child under docker, one of podman's own.
    samples = list(WatchRecording(tmp_path / "first" / "build.jsonl"))
    observations = {(each.name, each.role) for sample in samples for each in sample.processes or ()}
    assert ("sh", "container" if client.program == "docker" else "own") in observations
    assert max(sample.log_bytes or 0 for sample in samples) > 0
    with life_of(recipe, tmp_path / "second"):
        pass
    again = StandUp.model_validate_json((tmp_path / "second" / "phases.json").read_text())
    assert again.phases[0].name == "start"
    assert again.image == image
    other = recipes.find(str(file(CHIP="90a")))
    assert other.container is not None
    assert other.container.reference != image.reference
    assert client.names() == []


def test_a_step_that_fails_is_quoted(client: Client, file: Callable[..., Path], tmp_path: Path) -> None:
    recipe = recipes.find(str(file(f"{DOCKERFILE}RUN echo no such compiler >&2; exit 7\n")))
    with pytest.raises(BoxError) as caught:
        life_of(recipe, tmp_path / "life").__enter__()
    message = caught.value.message
    assert "built: container.build: " in message
    assert "RUN echo no such compiler" in message
    assert "no such compiler |" in message
    assert "7" in message.rpartition("|")[2]
    assert str(tmp_path / "life" / "build.log") in caught.value.next_step
    assert client.names() == []


def test_what_stands_against_a_build_is_reported_before(
    client: Client, file: Callable[..., Path], tmp_path: Path
) -> None:
    missing = recipes.find(str(file(DOCKERFILE, BASE="registry.test/nowhere:1")))
    with pytest.raises(BoxError, match=r"FROM registry.test/nowhere:1: not here") as caught:
        life_of(missing, tmp_path / "life").__enter__()
    assert caught.value.next_step == "onbox image fetch registry.test/nowhere:1, or container.pull: missing"
    changed = recipes.find(str(file(CHIP="another")))
    (tmp_path / "image" / "vllm").write_text("other words")
    with pytest.raises(BoxError, match="has changed since the recipe was read"):
        life_of(changed, tmp_path / "life").__enter__()


def test_print_shows_the_build_first(client: Client, file: Callable[..., Path]) -> None:
    done = onbox_here("up", file(CHIP="x"), "--print")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{client.program} build \\\n  --tag onbox-built/engine:")
    assert f"\n{client.program} run \\\n" in done.stdout
