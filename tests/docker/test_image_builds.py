"""Images built once for the same inputs: staged beside the daemon whose own route is cut off, sealed, carried over."""

import json
import os
import socket
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from onbox.app.image_builds import (
    build_container_image,
    export_container_image,
    import_container_image,
    list_container_images,
)
from onbox.errors import BadSubjectError, BoxError, FetchError, UsageError
from onbox.image.daemon import Daemon, id_of
from onbox.image.exchange import check_archive
from tests.docker.conftest import Client
from tests.dockerd import BUSYBOX, DOCKER, Dockerd, running_dockerd
from tests.doubles.registry import layer_tar
from tests.parts import ROOT
from tests.registry import NAME, RealRegistry, ThrottledProxy, real_registry, throttled_proxy

pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]

RUN = ("run", "--rm", "--pull", "never", "--network", "none")
KERNELS = ROOT / "tests" / "data" / "gpu" / "libkernels.so"
DOCKERFILE = """ARG BASE
FROM ${BASE} AS build
ARG ARCH
COPY . /src
RUN echo compiled for $ARCH >/built
FROM ${BASE}
COPY --from=build /built /built
COPY lib.so /opt/lib.so
"""


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ONBOX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_text("{}")
    return tmp_path


@pytest.fixture
def recipe(client: Client, folders: Path) -> Callable[..., str]:
    """Writes a build of one library on a busybox."""
    base = client.busybox("onbox-base:local")
    (folders / "image").mkdir()
    (folders / "image" / "lib.so").write_bytes(KERNELS.read_bytes())

    def write(
        dockerfile: str = DOCKERFILE, *, sources: dict[str, dict[str, str]] | None = None, **arguments: str
    ) -> str:
        (folders / "image" / "Dockerfile").write_text(dockerfile)
        build = {
            "context": "image",
            "arguments": {"BASE": base, "ARCH": "{arch}", **arguments},
            "sources": sources or {},
        }
        path = folders / "kernels.yaml"
        path.write_text(
            yaml.safe_dump({"name": "kernels", "image": "onbox-test/kernels", "suffix": "a", "build": build})
        )
        return str(path)

    return write


class TestSealed:
    @pytest.mark.alone
    def test_the_second_build_compiles_nothing(self, client: Client, recipe: Callable[..., str], folders: Path) -> None:
        first = build_container_image(recipe(), program=client.program, chip="12.1")
        assert not first.found
        assert first.seal.arch == ("sm_90a", "sm_121a")
        assert first.seal.inputs["argument ARCH"] == "121a"
        began = time.monotonic()
        second = build_container_image(recipe(), program=client.program, chip="12.1")
        assert time.monotonic() - began < 2.0
        assert second.found
        assert second.seal == first.seal
        assert client.ask(
            "run", "--rm", "--pull", "never", "--network", "none", first.seal.sealed, "cat", "/built"
        ) == ("compiled for 121a")

    def test_it_carries_its_seal_and_a_statement_lies_beside_it(
        self, client: Client, recipe: Callable[..., str], folders: Path
    ) -> None:
        built = build_container_image(recipe(), program=client.program, chip="12.1")
        image = Daemon(client.program).image(built.seal.sealed)
        assert image is not None
        assert image.labels["onbox.inputs"] == built.seal.inputs_sha256
        assert image.labels["onbox.recipe"] == "kernels"
        assert built.statement is not None
        statement = json.loads(built.statement.read_text())
        assert statement["_type"] == "https://in-toto.io/Statement/v1"
        assert statement["subject"][0]["digest"]["sha256"] == id_of(image).removeprefix("sha256:")
        result = statement["predicate"]["buildDefinition"]
        assert result["externalParameters"]["inputs"]["chip"] == "121"
        assert any(each["uri"] == "docker://onbox-base:local" for each in result["resolvedDependencies"])

    def test_what_changed_is_named(self, client: Client, recipe: Callable[..., str], folders: Path) -> None:
        build_container_image(recipe(), program=client.program, chip="12.1")
        other = build_container_image(recipe(), program=client.program, chip="9.0")
        assert "argument ARCH: 121a -> 90a" in other.changed
        assert "chip: 121 -> 90" in other.changed
        client.ask("tag", client.busybox("onbox-other:local", cmd='["/bin/true"]'), "onbox-base:local")
        moved = build_container_image(recipe(), program=client.program, chip="9.0")
        assert [each.partition(":")[0] for each in moved.changed] == ["base onbox-base"]

    def test_an_image_that_was_removed_is_built_again(
        self, client: Client, recipe: Callable[..., str], folders: Path
    ) -> None:
        built = build_container_image(recipe(), program=client.program, chip="12.1")
        client.ask("rmi", "--force", built.seal.sealed, built.seal.reference)
        if Daemon(client.program).image(built.seal.image_id) is None:
            assert not build_container_image(recipe(), program=client.program, chip="12.1").found

    def test_it_is_listed(self, client: Client, recipe: Callable[..., str], folders: Path) -> None:
        built = build_container_image(recipe(), program=client.program, chip="12.1")
        (listed,) = list_container_images()
        assert (listed.name, listed.kind, listed.here) == (built.seal.reference, "sealed", True)
        assert listed.removable == "no recipe names it"


class TestFaults:
    def test_a_step_that_fails_is_quoted_and_nothing_is_sealed(
        self, client: Client, recipe: Callable[..., str], folders: Path
    ) -> None:
        with pytest.raises(BoxError, match="no such compiler"):
            build_container_image(
                recipe(f"{DOCKERFILE}RUN echo no such compiler >&2; exit 7\n"), program=client.program, chip="12.1"
            )
        assert list_container_images() == ()

    def test_a_base_without_a_value_is_named(self, client: Client, recipe: Callable[..., str], folders: Path) -> None:
        with pytest.raises(UsageError, match=r"line 1: FROM \$NOBODY: no value is given for it"):
            build_container_image(recipe("FROM $NOBODY\n"), program=client.program, chip="12.1")

    def test_a_build_for_a_chip_needs_one(
        self, client: Client, recipe: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("onbox.app.image_builds.box_chip", lambda: None)
        with pytest.raises(UsageError, match="is built for one chip"):
            build_container_image(recipe(), program=client.program)

    def test_sources_come_at_their_commit(self, client: Client, recipe: Callable[..., str], folders: Path) -> None:
        repository = folders / "repository"
        repository.mkdir()

        def git(*words: str) -> str:
            done = subprocess.run(
                ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@b", *words],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            return done.stdout.strip()

        git("init", "--quiet")
        (repository / "kernel.txt").write_text("of the first commit")
        git("add", ".")
        git("commit", "--quiet", "-m", "one")
        commit = git("rev-parse", "HEAD")
        (repository / "kernel.txt").write_text("of another commit")
        git("commit", "--quiet", "-a", "-m", "two")
        dockerfile = f"{DOCKERFILE}COPY sources/kernels/kernel.txt /kernel.txt\n"
        source = {"kernels": {"git": f"file://{repository}", "commit": commit}}
        built = build_container_image(recipe(dockerfile, sources=source), program=client.program, chip="12.1")
        assert client.ask(*RUN, built.seal.sealed, "cat", "/kernel.txt") == "of the first commit"
        assert built.seal.inputs["source kernels"] == f"file://{repository}@{commit}"
        gone = {"kernels": {"git": f"file://{repository}", "commit": "0" * 40}}
        with pytest.raises(FetchError, match=r"sources.kernels: git fetch"):
            build_container_image(recipe(dockerfile, sources=gone), program=client.program, chip="12.1")


class TestCarriedOver:
    def test_a_second_box_gets_the_same_image(self, client: Client, recipe: Callable[..., str], folders: Path) -> None:
        built = build_container_image(recipe(), program=client.program, chip="12.1")
        file = folders / "kernels.tar"
        exported = export_container_image("kernels", file)
        again = export_container_image("kernels", folders / "again.tar")
        assert exported.digest == again.digest
        client.ask("rmi", "--force", built.seal.sealed, built.seal.reference)
        os.environ["ONBOX_CACHE"] = str(folders / "other box")
        taken = import_container_image(file, program=client.program)
        assert taken.digest == exported.digest
        assert taken.inputs == built.seal.inputs
        image = Daemon(client.program).image(taken.reference)
        assert image is not None
        assert id_of(image) == taken.image_id
        assert client.ask(*RUN, taken.sealed, "cat", "/built") == "compiled for 121a"

    def test_one_that_was_changed_is_refused(self, client: Client, recipe: Callable[..., str], folders: Path) -> None:
        build_container_image(recipe(), program=client.program, chip="12.1")
        file = folders / "kernels.tar"
        seal = export_container_image("kernels", file)
        raw = file.read_bytes()
        at = raw.index(b"compiled for 121a")
        file.write_bytes(raw[:at] + b"compiled for 666a" + raw[at + 17 :])
        with pytest.raises(BadSubjectError, match="does not match its digest"):
            import_container_image(file, program=client.program)
        result = raw.index(b'"recipe": "kernels"')
        assert result
        changed = raw.replace(f'"image_id": "{seal.image_id}"'.encode(), f'"image_id": "sha256:{"0" * 64}"'.encode())
        file.write_bytes(changed)
        with pytest.raises(BadSubjectError, match="names another image"):
            check_archive(file)
        file.write_bytes(raw[: len(raw) // 2])
        with pytest.raises(BadSubjectError):
            check_archive(file)
        with tarfile.open(folders / "plain.tar", "w") as archive:
            archive.add(KERNELS, "x")
        with pytest.raises(BadSubjectError, match="not a sealed image"):
            import_container_image(folders / "plain.tar", program=client.program)


# ------------------------------------------------------------ the daemon's route is cut off


@pytest.fixture
def cut_off(folders: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Dockerd, RealRegistry, ThrottledProxy]]:
    """A daemon whose proxy refuses everything, and a registry that is next door."""
    with real_registry(folders / "registry") as registry, throttled_proxy(1e6) as proxy:
        proxy.cut_off = True
        with running_dockerd(HTTPS_PROXY=proxy.url, HTTP_PROXY=proxy.url) as daemon:
            monkeypatch.setenv("DOCKER_HOST", daemon.host)
            monkeypatch.setenv("PATH", f"{Path(DOCKER).parent}:{os.environ['PATH']}")
            monkeypatch.setenv("SSL_CERT_FILE", str(registry.authority))
            real = socket.getaddrinfo

            def here(host, *rest, **more):  # type: ignore[no-untyped-def]
                return real("127.0.0.1" if host == NAME else host, *rest, **more)

            monkeypatch.setattr(socket, "getaddrinfo", here)
            yield daemon, registry, proxy


def put(registry: RealRegistry, name: str, files: dict[str, bytes], config: dict[str, object] | None = None) -> None:
    import gzip
    import hashlib

    raw = layer_tar(files)
    packed = gzip.compress(raw, 1, mtime=0)
    layer = (registry.repositories.blob(packed), len(packed), f"sha256:{hashlib.sha256(raw).hexdigest()}")
    registry.repositories.image(name, "1", [layer], config)


@pytest.mark.registry
@pytest.mark.parametrize("buildkit", ["0", "1"])
def test_two_stages_on_two_bases_are_built_without_the_daemons_route(
    cut_off: tuple[Dockerd, RealRegistry, ThrottledProxy], folders: Path, monkeypatch: pytest.MonkeyPatch, buildkit: str
) -> None:
    daemon, registry, proxy = cut_off
    monkeypatch.setenv("DOCKER_BUILDKIT", buildkit)
    shell = BUSYBOX.read_bytes()
    put(registry, "devel", {"bin/sh": shell, "bin/echo": shell}, {"Env": ["PATH=/bin"]})
    put(registry, "runtime", {"bin/sh": shell, "bin/cat": shell}, {"Env": ["PATH=/bin"]})
    (folders / "image").mkdir()
    (folders / "image" / "Dockerfile").write_text(
        f"ARG DEVEL={registry.host}/devel:1\nFROM ${{DEVEL}} AS build\nRUN echo made >/made\n"
        f"FROM {registry.host}/runtime:1\nCOPY --from=build /made /made\n"
    )
    path = folders / "two.yaml"
    path.write_text(yaml.safe_dump({"name": "two", "image": "onbox-test/two", "build": {"context": "image"}}))
    with pytest.raises(AssertionError, match=r"cut off|Bad Gateway|502"):
        daemon.docker("pull", f"{registry.host}/devel:1")
    refused = len(proxy.requests)
    with pytest.raises(UsageError, match="see this box's own address"):
        build_container_image(str(path), program="docker")
    built = build_container_image(str(path), program="docker", direct=True)
    assert not built.found
    assert (
        daemon.docker("run", "--rm", "--pull", "never", "--network", "none", built.seal.sealed, "cat", "/made")
        == "made"
    )
    assert len(proxy.requests) == refused
    assert {f"base {registry.host}/devel:1", f"base {registry.host}/runtime:1"} <= built.seal.inputs.keys()


@pytest.mark.registry
def test_the_frontend_is_brought_too(
    cut_off: tuple[Dockerd, RealRegistry, ThrottledProxy], folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frontend that only says what it is: BuildKit starts it from the daemon's store, and asks no registry for it."""
    _, registry, proxy = cut_off
    monkeypatch.setenv("DOCKER_BUILDKIT", "1")
    shell = BUSYBOX.read_bytes()
    labels = {"moby.buildkit.frontend.network.none": "true"}
    entry = ["/bin/sh", "-c", "echo I am the frontend >&2; exit 9"]
    put(registry, "frontend", {"bin/sh": shell}, {"Entrypoint": entry, "Env": ["PATH=/bin"], "Labels": labels})
    put(registry, "base", {"bin/sh": shell})
    (folders / "image").mkdir()
    (folders / "image" / "Dockerfile").write_text(f"# syntax={registry.host}/frontend:1\nFROM {registry.host}/base:1\n")
    path = folders / "one.yaml"
    path.write_text(yaml.safe_dump({"name": "one", "image": "onbox-test/one", "build": {"context": "image"}}))
    with pytest.raises(BoxError) as caught:
        build_container_image(str(path), program="docker", direct=True)
    log = next((folders / "cache").rglob("build.log")).read_text()
    assert "frontend" in caught.value.message + log
    assert "exit code: 9" in log or "I am the frontend" in log, log
    assert not any("frontend" in each for each in proxy.requests)
    assert proxy.requests == []
