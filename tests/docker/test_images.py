"""Images fetched beside a real daemon, out of a real registry, and loaded by docker and podman."""

import json
import os
import shutil
import socket
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from onbox.app.images import diagnose_images, fetch_container_image, verify_container_image
from onbox.errors import BoxError, FetchError, UsageError
from onbox.fetch.http import DIRECT
from onbox.image import load as loading
from onbox.image.archive import ArchivedImage, write_archive
from onbox.image.daemon import Daemon, id_of
from onbox.image.fetch import FetchOptions, fetch_image
from onbox.image.load import load
from onbox.image.prepare import expected_image, prepare
from onbox.image.reference import parse
from onbox.image.store import ImageStore
from onbox.machine_names import machine
from onbox.recipes import Recipe
from tests.docker.conftest import Client
from tests.dockerd import BUSYBOX, DOCKER, Dockerd, running_dockerd
from tests.doubles.registry import FakeRegistry, layer_tar, random_layer, serving_registry
from tests.registry import NAME, RealRegistry, ThrottledProxy, real_registry, throttled_proxy

pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]

OTHER = "arm64" if machine() == "amd64" else "amd64"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ONBOX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_text("{}")
    return tmp_path


@pytest.fixture
def registry(folders: Path) -> Iterator[FakeRegistry]:
    with serving_registry() as server:
        yield server


def busybox_layer() -> bytes:
    return layer_tar({"bin/busybox": BUSYBOX.read_bytes(), "bin/sh": BUSYBOX.read_bytes()})


class TestLoaded:
    def test_it_runs_and_its_digest_is_kept(self, client: Client, registry: FakeRegistry, folders: Path) -> None:
        digest = registry.add("some/thing", [busybox_layer(), random_layer(1)], config={"Cmd": ["/bin/sh"]})
        name = f"{registry.host}/some/thing:1"
        fetched = fetch_container_image(name, program=client.program)
        assert fetched.digest == digest
        assert fetched.loaded_into == client.program
        assert (
            client.ask("run", "--rm", "--pull", "never", "--network", "none", name, "/bin/sh", "-c", "echo it runs")
            == "it runs"
        )
        assert ImageStore().find(digest) == fetched
        # What is loaded is not kept a second time, and not fetched again.
        assert not [path for path in (folders / "cache").rglob("*") if path.is_file() and path.stat().st_size > 1 << 18]
        again = fetch_container_image(name, program=client.program)
        assert again.bytes_received == 0
        assert again.image_id == fetched.image_id

    def test_by_digest_it_gets_a_tag(self, client: Client, registry: FakeRegistry, folders: Path) -> None:
        digest = registry.add("some/other", [busybox_layer()])
        fetched = fetch_container_image(f"{registry.host}/some/other@{digest}", program=client.program)
        assert fetched.local_name == f"{registry.host}/some/other:sha256-{digest[7:23]}"
        image = Daemon(client.program).image(fetched.local_name)
        assert image is not None
        assert id_of(image) == fetched.image_id == fetched.config_digest

    def test_the_wrong_platform_never_arrives(self, client: Client, registry: FakeRegistry, folders: Path) -> None:
        registry.add("some/foreign", [random_layer(1)], architecture=OTHER)
        with pytest.raises(BoxError, match=f"is for linux/{OTHER}"):
            fetch_container_image(f"{registry.host}/some/foreign:1", program=client.program)
        assert Daemon(client.program).image(f"{registry.host}/some/foreign:1") is None
        fetched = fetch_container_image(
            f"{registry.host}/some/foreign:1", program=client.program, platform=f"linux/{OTHER}"
        )
        assert verify_container_image(fetched.local_name, program=client.program).verdict == "wrong_machine"


class TestNothingHalfLoaded:
    def test_a_transfer_that_fails_while_the_daemon_loads(
        self, client: Client, registry: FakeRegistry, folders: Path
    ) -> None:
        registry.add("some/short", [random_layer(1, 7), random_layer(3, 7)])
        reference = parse(f"{registry.host}/some/short:1")
        store, options = ImageStore(), FetchOptions(route=DIRECT, keep=True, workers=1)
        small = min(
            fetch_image(reference, None, options, store).layers, key=lambda each: store.blob(each).stat().st_size
        )
        store.blob(small).unlink()
        registry.faults.statuses = [404] * 9
        with pytest.raises(FetchError, match="404"):
            fetch_image(reference, Daemon(client.program), options, store)
        assert Daemon(client.program).image(str(reference)) is None
        registry.faults.statuses = []
        assert fetch_image(reference, Daemon(client.program), options, store).loaded_into == client.program

    def test_a_broken_blob_is_never_named(self, client: Client, registry: FakeRegistry, folders: Path) -> None:
        registry.add("some/broken", [busybox_layer(), random_layer(3)])
        reference = parse(f"{registry.host}/some/broken:1")
        store = ImageStore()
        fetched = fetch_image(reference, None, FetchOptions(route=DIRECT, keep=True), store)
        path = store.blob(fetched.layers[1])
        raw = bytearray(path.read_bytes())
        raw[-100] ^= 1
        path.write_bytes(raw)
        with pytest.raises(Exception, match="broken, and was removed"):
            fetch_image(reference, Daemon(client.program), FetchOptions(route=DIRECT), store)
        assert Daemon(client.program).image(str(reference)) is None

    def test_an_archive_that_breaks_off_is_never_named(self, client: Client, folders: Path) -> None:
        def feed(out, on_bytes) -> int:  # type: ignore[no-untyped-def]
            out.write(b"\0" * 512 + b"not a tar" * 4096)
            raise BoxError("the disk of the cache failed")

        with pytest.raises(BoxError, match="the disk of the cache failed"):
            load(Daemon(client.program), feed, "some/name:1", ("sha256:0",))
        assert Daemon(client.program).image("some/name:1") is None

    def test_a_full_disk_is_reported_with_what_is_kept(
        self, client: Client, registry: FakeRegistry, folders: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        registry.add("some/large", [random_layer(1)])
        name = f"{registry.host}/some/large:1"
        program = folders / "full"
        program.write_text(
            "#!/bin/sh\ncase $1 in load) head -c 100000 >/dev/null; echo 'write x: no space left on device' >&2; "
            f'exit 1;; *) exec {client.program} "$@";; esac\n'
        )
        program.chmod(0o755)
        with pytest.raises(BoxError, match="the disk is full") as caught:
            fetch_image(parse(name), Daemon(str(program)), FetchOptions(route=DIRECT), ImageStore())
        assert "the fetched layers are kept" in caught.value.next_step
        assert Daemon(client.program).image(name) is None
        assert fetch_container_image(name, program=client.program).bytes_received == 0


@pytest.mark.docker
def test_a_really_full_disk(folders: Path, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon's disk is a small tmpfs: its own words, not ours."""
    small = folders / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", str(small)], check=True)
    try:
        with running_dockerd(data_root=small, storage_driver="vfs") as daemon:
            monkeypatch.setenv("DOCKER_HOST", daemon.host)
            monkeypatch.setattr("onbox.image.fetch.need_room", lambda folder, wanted: None)
            registry.add("some/large", [random_layer(40)])
            with pytest.raises(BoxError, match="the disk is full"):
                fetch_container_image(f"{registry.host}/some/large:1", program=DOCKER)
            assert daemon.docker("image", "ls", "-q") == ""
    finally:
        subprocess.run(["umount", "-l", str(small)], check=False)


def test_a_daemon_that_is_down_is_one_line(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folders}/nowhere.sock")
    with pytest.raises(BoxError, match="does not answer") as caught:
        fetch_container_image("a/b:1", program="docker")
    assert caught.value.next_step == "systemctl start docker"


def test_layers_of_zstd_are_refused_before_they_are_fetched_where_the_daemon_is_too_old(
    dockerd: Dockerd, registry: FakeRegistry, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", dockerd.host)
    registry.add("some/zstd", [random_layer(2)], media_type="application/vnd.oci.image.layer.v1.tar+zstd")
    if Daemon(DOCKER).unpacks_zstd:
        pytest.skip("this docker unpacks zstd")
    with pytest.raises(BoxError, match=r"packed by zstd, which docker \S+ cannot unpack"):
        fetch_container_image(f"{registry.host}/some/zstd:1", program=DOCKER)
    assert sum(registry.sent.values()) < 4096


def test_every_binary_of_an_image_is_read_without_running_it(client: Client, folders: Path) -> None:
    kernels = Path(__file__).parents[1] / "data" / "gpu" / "libkernels.so"
    layers = [
        layer_tar({"opt/a.so": kernels.read_bytes(), "opt/gone.so": kernels.read_bytes()}),
        layer_tar({"opt/.wh.gone.so": b""}),
    ]
    registry_layers = [*layers, busybox_layer()]
    with serving_registry() as registry:
        registry.add("some/kernels", registry_layers)
        fetched = fetch_container_image(f"{registry.host}/some/kernels:1", program=client.program)
    found = verify_container_image(fetched.local_name, program=client.program, chip="12.1")
    assert [each.path for each in found.files] == ["opt/a.so"]
    assert found.archs == ("sm_90a", "sm_121a")
    assert found.verdict == "native"
    assert found.platform == f"linux/{machine()}"
    assert verify_container_image(fetched.local_name, program=client.program, chip="8.0").verdict == "will_not_run"


def test_a_recipes_image_is_fetched_before_its_engine_starts(
    client: Client, registry: FakeRegistry, folders: Path
) -> None:
    digest = registry.add("engines/one", [busybox_layer()])
    (folders / "weights").mkdir()
    record = {
        "name": "one", "engine": "vllm", "launcher": client.program, "weights": {"path": str(folders / "weights")},
        "container": {"image": f"{registry.host}/engines/one:1", "digest": digest, "pull": "missing"},
    }  # fmt: skip
    recipe = Recipe.model_validate(record)
    assert expected_image(recipe).phase == "fetch"
    assert expected_image(recipe).seconds is None
    phases: list[str] = []
    prepared = prepare(recipe, lambda phase, seconds: phases.append(phase))
    assert phases == ["fetch", "fetch"]
    assert prepared.container is not None
    image = Daemon(client.program).image(prepared.container.reference)
    assert image is not None
    # The digest is known by us: a second start fetches nothing.
    phases.clear()
    assert prepare(recipe, lambda phase, seconds: phases.append(phase)) == prepared or not phases
    assert phases == []
    assert expected_image(prepared).phase == ""
    never = recipe.model_copy(update={"container": recipe.container.model_copy(update={"pull": "never"})})  # type: ignore[union-attr]
    client.ask("rmi", "--force", prepared.container.reference)
    assert prepare(never) == never
    assert "sha256" in never.container.reference  # type: ignore[union-attr]


# ------------------------------------------------------------ the daemon's slow route


@pytest.fixture
def slow(folders: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Dockerd, RealRegistry, ThrottledProxy]]:
    """A daemon behind a proxy of 600 kB/s, and a registry with TLS and tokens that is next door."""
    with (
        real_registry(folders / "registry", login="me:secret") as registry,
        throttled_proxy(600e3) as proxy,
        running_dockerd(
            HTTPS_PROXY=proxy.url, HTTP_PROXY=proxy.url, options=("--insecure-registry", registry.host)
        ) as daemon,
    ):
        layers = []
        for seed in (1, 2):
            raw = random_layer(2, seed)
            layers.append((registry.repositories.blob(_gzipped(raw)), len(_gzipped(raw)), _diff(raw)))
        registry.repositories.image("some/thing", "1", layers)
        monkeypatch.setenv("DOCKER_HOST", daemon.host)
        monkeypatch.setenv("PATH", f"{Path(DOCKER).parent}:{os.environ['PATH']}")
        monkeypatch.setenv("SSL_CERT_FILE", str(registry.authority))
        login = {"auths": {registry.host: {"auth": "bWU6c2VjcmV0"}}}
        (folders / "docker" / "config.json").write_text(json.dumps(login))
        real = socket.getaddrinfo

        def here(host, *rest, **more):  # type: ignore[no-untyped-def]
            return real("127.0.0.1" if host == NAME else host, *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", here)
        yield daemon, registry, proxy


def _gzipped(raw: bytes) -> bytes:
    import gzip

    return gzip.compress(raw, 1, mtime=0)


def _diff(raw: bytes) -> str:
    import hashlib

    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


@pytest.mark.registry
class TestSlowRoute:
    def test_it_is_found_measured_and_gone_around_by_consent_alone(
        self, slow: tuple[Dockerd, RealRegistry, ThrottledProxy]
    ) -> None:
        _, registry, proxy = slow
        name = f"{registry.host}/some/thing:1"
        found = diagnose_images(name, program="docker")
        assert found.route.kind == "http"
        assert {each.where for each in found.route.settings} >= {"docker info", "environment of dockerd"}
        by_route = {each.route: each for each in found.measured}
        assert (by_route["direct"].bytes_s or 0) > 3 * (by_route[proxy.url].bytes_s or 0) > 0
        assert "ask before it bypasses" in found.would
        before = proxy.passed
        with pytest.raises(UsageError, match="see this box's own address") as caught:
            fetch_container_image(name, program="docker")
        assert caught.value.next_step.startswith("--direct")
        requests: list[str] = []

        def no(question: str) -> bool:
            requests.append(question)
            return False

        with pytest.raises(UsageError, match="not fetched around"):
            fetch_container_image(name, program="docker", ask=no)
        assert "this box's own address" in requests[0]
        assert proxy.passed == before
        fetched = fetch_container_image(name, program="docker", ask=lambda question: True)
        assert (fetched.route, proxy.passed) == ("direct", before)
        # The answer is remembered.
        assert fetch_container_image(name, program="docker").digest == fetched.digest

    def test_direct_says_what_it_means_and_the_daemons_proxy_can_be_kept_to(
        self, slow: tuple[Dockerd, RealRegistry, ThrottledProxy]
    ) -> None:
        _, registry, proxy = slow
        remarks: list[str] = []
        name = f"{registry.host}/some/thing:1"
        assert fetch_container_image(name, program="docker", direct=True, tell=remarks.append).route == "direct"
        assert "without it" in remarks[0]
        before = proxy.passed
        kept = fetch_container_image(name, program="docker", proxy="daemon", load=True, keep=True)
        assert kept.route == proxy.url
        assert proxy.passed > before

    def test_the_daemon_itself_pulls_through_it(self, slow: tuple[Dockerd, RealRegistry, ThrottledProxy]) -> None:
        daemon, registry, proxy = slow
        daemon.docker("pull", f"{registry.host}/some/thing:1")
        assert any(registry.host in each for each in proxy.requests)
        assert proxy.passed > 4 << 20


@pytest.mark.registry
def test_skopeo_and_we_bring_the_same(slow: tuple[Dockerd, RealRegistry, ThrottledProxy], folders: Path) -> None:
    _, registry, _ = slow
    fetched = fetch_container_image(f"{registry.host}/some/thing:1", program="docker", direct=True, load=False)
    store = ImageStore()
    out = folders / "ours.tar"
    source = json.loads(store.blob(fetched.digest).read_bytes())
    assert [each["digest"] for each in source["layers"]] == list(fetched.layers)
    from onbox.image.manifest import Descriptor

    def descriptor(output: dict[str, str]) -> Descriptor:
        return Descriptor(output["mediaType"], output["digest"], int(output["size"]))

    with out.open("wb") as file:
        image = ArchivedImage(
            store.blob(fetched.digest).read_bytes(), source["mediaType"], descriptor(source["config"]),
            tuple(map(descriptor, source["layers"])), ("x/y:1",),
        )  # fmt: skip
        write_archive(image, file, store.blob)
    with tarfile.open(out) as archive:
        archive.extractall(folders / "layout", filter="data")
    output = subprocess.run(
        [shutil.which("skopeo") or "skopeo", "inspect", "--raw", f"oci:{folders / 'layout'}:1"],
        capture_output=True,
        check=True,
    ).stdout
    assert output == store.blob(fetched.digest).read_bytes()


def test_an_unpacking_that_stands_still_is_found(
    client: Client, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = folders / "stuck"
    program.write_text(f'#!/bin/sh\ncase $1 in load) cat >/dev/null; sleep 60;; *) exec {client.program} "$@";; esac\n')
    program.chmod(0o755)
    from onbox.watch import phases

    rule = phases.RULES["unpack"]
    monkeypatch.setitem(phases.RULES, "unpack", type(rule)(rule.uses, 4.0, rule.slow_below))
    monkeypatch.setattr(loading, "GRACE_S", 1.0)

    def feed(out, on_bytes) -> int:  # type: ignore[no-untyped-def]
        return int(out.write(b"x" * 100))

    with pytest.raises(BoxError, match="no progress for"):
        load(Daemon(str(program)), feed, "a/b:1", ("sha256:0",))
