"""An image from a registry into the cache: by platform, resumed, held against its digests, with every fault."""

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from onbox.errors import BoxError, FetchError, OnboxError, UsageError
from onbox.fetch import transfer
from onbox.fetch.http import DIRECT
from onbox.image.archive import write_archive
from onbox.image.fetch import Arrivals, Options, feed_of, fetch_image, find_source
from onbox.image.manifest import Platform, find_image, parse_platform
from onbox.image.reference import parse
from onbox.image.registry import DOCKER_LIST, OCI_MANIFEST
from onbox.image.store import FetchedImage, ImageStore
from tests.doubles.registry import HERE, FakeRegistry, digest_of, random_layer, serving_registry

OPTIONS = Options(route=DIRECT, stall_s=1.0, keep=True)
OTHER = "arm64" if HERE == "amd64" else "amd64"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeRegistry]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(transfer, "BACKOFF_MAX_S", 0.05)
    with serving_registry() as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


def bring(
    registry: FakeRegistry, store: ImageStore, name: str = "some/thing:1", options: Options = OPTIONS
) -> FetchedImage:
    return fetch_image(parse(f"{registry.host}/{name}"), None, options, store)


def whole(store: ImageStore, fetched: FetchedImage) -> bool:
    return all(digest_of(store.blob(each).read_bytes()) == each for each in (*fetched.layers, fetched.config_digest))


class TestWhole:
    def test_every_blob_is_here_and_the_digest_is_noted(self, registry: FakeRegistry, store: ImageStore) -> None:
        digest = registry.add("some/thing", [random_layer(1, 1), random_layer(2, 2)])
        fetched = bring(registry, store)
        assert fetched.digest == digest
        assert whole(store, fetched)
        assert store.find(digest) == fetched
        assert not list(store.root.rglob("*.part"))

    def test_what_is_here_is_not_fetched_again(self, registry: FakeRegistry, store: ImageStore) -> None:
        registry.add("some/thing", [random_layer(1)])
        bring(registry, store)
        sent = dict(registry.sent)
        assert bring(registry, store).bytes_received == 0
        assert {key: value for key, value in registry.sent.items() if value > 4096} == {
            key: value for key, value in sent.items() if value > 4096
        }

    def test_a_layer_that_is_named_twice_is_fetched_once(self, registry: FakeRegistry, store: ImageStore) -> None:
        layer = random_layer(1)
        registry.add("some/thing", [layer, layer])
        fetched = bring(registry, store)
        assert registry.sent[fetched.layers[0]] == store.blob(fetched.layers[0]).stat().st_size


class TestCuts:
    def test_twenty_cuts_and_three_stalls_fetch_no_byte_twice(self, registry: FakeRegistry, store: ImageStore) -> None:
        registry.add("some/thing", [random_layer(12, 1), random_layer(12, 2)])
        registry.faults.cut_every, registry.faults.cuts = 700_000, 20
        registry.faults.stall_after, registry.faults.stalls = 900_000, 3
        fetched = bring(registry, store)
        assert whole(store, fetched)
        assert (registry.faults.cuts, registry.faults.stalls) == (0, 0)
        assert fetched.reconnects == 23
        lost = sum(registry.sent[each] for each in fetched.layers) - sum(
            store.blob(each).stat().st_size for each in fetched.layers
        )
        # A connection that is cut may lose what was under way in the kernel, and no more.
        assert 0 <= lost <= 23 * 4 * 65536
        assert fetched.bytes_received <= sum(store.blob(each).stat().st_size for each in fetched.layers)

    def test_the_next_run_goes_on_in_the_middle_of_a_layer(self, registry: FakeRegistry, store: ImageStore) -> None:
        registry.add("some/thing", [random_layer(4)])
        registry.faults.cut_every, registry.faults.cuts = 1_000_000, 1
        registry.faults.statuses = [0, 0] + [500] * 20
        with pytest.raises(FetchError, match="status 500"):
            bring(registry, store)
        registry.faults.statuses.clear()
        part = next(store.root.rglob("*.part"))
        kept = part.stat().st_size
        assert 0 < kept < 4 << 20
        fetched = bring(registry, store)
        assert whole(store, fetched)
        assert registry.headers_of(fetched.layers[0])[-1]["Range"] == f"bytes={kept}-"
        assert fetched.bytes_received == store.blob(fetched.layers[0]).stat().st_size - kept

    def test_a_server_without_ranges_sends_it_again(self, registry: FakeRegistry, store: ImageStore) -> None:
        registry.add("some/thing", [random_layer(4)])
        registry.faults.cut_every, registry.faults.cuts, registry.faults.no_ranges = 1_000_000, 1, True
        fetched = bring(registry, store)
        assert whole(store, fetched)
        assert fetched.bytes_received > store.blob(fetched.layers[0]).stat().st_size

    def test_a_part_that_is_too_long_or_wrong_is_not_trusted(self, registry: FakeRegistry, store: ImageStore) -> None:
        registry.add("some/thing", [random_layer(1)])
        layer = find_source(parse(f"{registry.host}/some/thing:1"), OPTIONS).image.layers[0]
        part = store.blob(layer.digest).with_name(f"{layer.hex}.part")
        part.parent.mkdir(parents=True)
        part.write_bytes(b"x" * (layer.size_bytes + 1))
        assert whole(store, bring(registry, store))
        store.blob(layer.digest).unlink()
        part.write_bytes(b"x" * 5000)
        fetched = bring(registry, store)
        assert whole(store, fetched)
        assert fetched.bytes_received == 2 * layer.size_bytes - 5000


class TestWrongBytes:
    def test_a_wrong_digest_is_retried_once_and_kept_aside(self, registry: FakeRegistry, store: ImageStore) -> None:
        registry.add("some/thing", [random_layer(1)])
        registry.faults.wrong = 1
        fetched = bring(registry, store)
        assert whole(store, fetched)
        assert len(list(store.root.rglob("*.wrong-*"))) == 1

    def test_twice_is_refused(self, registry: FakeRegistry, store: ImageStore) -> None:
        registry.add("some/thing", [random_layer(1)])
        registry.faults.wrong = 9
        with pytest.raises(FetchError, match="wrong digest, twice: got sha256:") as caught:
            bring(registry, store)
        assert ".wrong-" in caught.value.next_step
        assert list(store.fetched()) == []
        assert registry.faults.wrong == 7

    def test_a_blob_that_ends_early_never_counts(self, registry: FakeRegistry, store: ImageStore) -> None:
        registry.add("some/thing", [random_layer(1)])
        registry.faults.truncate = True
        with pytest.raises(FetchError):
            bring(registry, store)
        assert list(store.fetched()) == []

    def test_a_manifest_that_is_not_its_digest_is_refused(self, registry: FakeRegistry, store: ImageStore) -> None:
        digest = registry.add("some/thing", [random_layer(1)])
        media_type, raw = registry.manifests[f"some/thing/{digest}"]
        registry.manifests[f"some/thing/{digest}"] = (media_type, raw + b" ")
        with pytest.raises(FetchError, match="wrong digest"):
            bring(registry, store, f"some/thing@{digest}")
        registry.faults.wrong_digest_header = True
        with pytest.raises(FetchError, match="wrong digest"):
            bring(registry, store)


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "words"),
        [
            (401, "wants a login, or has no such image"),
            (403, "refuses it"),
            (404, "has no such thing"),
            (418, "status 418"),
        ],
    )
    def test_of_a_manifest(self, registry: FakeRegistry, store: ImageStore, status: int, words: str) -> None:
        registry.add("some/thing", [random_layer(1)])
        registry.faults.manifest_statuses = [status]
        with pytest.raises(FetchError, match=words) as caught:
            bring(registry, store)
        assert f"words of {status}" in caught.value.message
        assert "\n" not in caught.value.message
        assert len(registry.requests) == 1, "a refusal is not asked for again"

    @pytest.mark.parametrize("status", [403, 404])
    def test_of_a_blob(self, registry: FakeRegistry, store: ImageStore, status: int) -> None:
        registry.add("some/thing", [random_layer(1)])
        registry.faults.statuses = [0, status]
        with pytest.raises(FetchError, match=r"blob sha256:"):
            bring(registry, store)

    @pytest.mark.parametrize("status", [429, 500, 502, 503])
    def test_what_may_pass_is_tried_again(self, registry: FakeRegistry, store: ImageStore, status: int) -> None:
        registry.add("some/thing", [random_layer(1)])
        registry.faults.manifest_statuses = [status]
        registry.faults.statuses = [status, status]
        registry.faults.retry_after = "0.01"
        assert whole(store, bring(registry, store))

    def test_a_limit_that_lasts_says_what_raises_it(self, registry: FakeRegistry, store: ImageStore) -> None:
        registry.add("some/thing", [random_layer(1)])
        registry.faults.manifest_statuses = [429] * 20
        registry.faults.retry_after = "0"
        with pytest.raises(FetchError, match=r"allows no more requests now \(status 429\)") as caught:
            bring(registry, store)
        assert "docker login" in caught.value.next_step

    def test_nobody_listens(self, store: ImageStore, tmp_path: Path) -> None:
        with serving_registry() as gone:
            host = gone.host
        with pytest.raises(FetchError, match=re.escape(host)):
            fetch_image(parse(f"{host}/a:1"), None, OPTIONS, store)


class TestSecrets:
    def login(self, tmp_path: Path, host: str, **more: object) -> None:
        (tmp_path / "docker").mkdir(exist_ok=True)
        entry = {"auths": {host: {"auth": "bWU6c2VjcmV0"}}, **more}
        (tmp_path / "docker" / "config.json").write_text(json.dumps(entry))

    def test_a_token_is_had_once_and_sent(self, registry: FakeRegistry, store: ImageStore, tmp_path: Path) -> None:
        registry.add("some/thing", [random_layer(1), random_layer(1, 2)])
        registry.login = "me:secret"
        self.login(tmp_path, registry.host)
        assert whole(store, bring(registry, store))
        assert registry.token_requests == 1

    def test_basic(self, registry: FakeRegistry, store: ImageStore, tmp_path: Path) -> None:
        registry.add("some/thing", [random_layer(1)])
        registry.login, registry.basic = "me:secret", True
        with pytest.raises(FetchError, match="wants a login"):
            bring(registry, store)
        self.login(tmp_path, registry.host)
        assert whole(store, bring(registry, store))

    def test_a_login_that_is_refused_is_said(self, registry: FakeRegistry, store: ImageStore, tmp_path: Path) -> None:
        registry.add("some/thing", [random_layer(1)])
        registry.login = "me:other"
        self.login(tmp_path, registry.host)
        with pytest.raises(FetchError, match="refuses the login of me") as caught:
            bring(registry, store)
        assert "secret" not in caught.value.message

    def test_another_host_never_gets_it(self, registry: FakeRegistry, store: ImageStore, tmp_path: Path) -> None:
        registry.add("some/thing", [random_layer(1)])
        registry.login = "me:secret"
        self.login(tmp_path, registry.host)
        with serving_registry() as elsewhere:
            elsewhere.blobs = registry.blobs
            registry.faults.redirect_to = elsewhere.url
            assert whole(store, bring(registry, store))
            assert elsewhere.requests
            for _, headers in elsewhere.requests:
                assert "authorization" not in {name.lower() for name in headers}

    def test_a_mirror_never_gets_it(self, registry: FakeRegistry, store: ImageStore, tmp_path: Path) -> None:
        registry.add("some/thing", [random_layer(1)])
        self.login(tmp_path, registry.host)
        with serving_registry() as mirror:
            mirror.blobs, mirror.manifests = registry.blobs, registry.manifests
            fetched = bring(registry, store, options=Options(route=DIRECT, mirrors=(mirror.url,), keep=True))
            assert fetched.registry == mirror.host
            assert not registry.requests
            for _, headers in mirror.requests:
                assert "authorization" not in {name.lower() for name in headers}

    def test_a_mirror_that_has_it_not_is_passed_over(self, registry: FakeRegistry, store: ImageStore) -> None:
        registry.add("some/thing", [random_layer(1)])
        with serving_registry() as mirror:
            fetched = bring(registry, store, options=Options(route=DIRECT, mirrors=(mirror.url,), keep=True))
        assert fetched.registry == registry.host

    def test_a_helper_is_asked(
        self, registry: FakeRegistry, store: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        registry.add("some/thing", [random_layer(1)])
        registry.login = "me:secret"
        helper = tmp_path / "docker-credential-box"
        helper.write_text('#!/bin/sh\ncat >/dev/null\necho \'{"Username":"me","Secret":"secret"}\'\n')
        helper.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        (tmp_path / "docker").mkdir()
        (tmp_path / "docker" / "config.json").write_text(json.dumps({"credHelpers": {registry.host: "box"}}))
        assert whole(store, bring(registry, store))
        (tmp_path / "docker" / "config.json").write_text(json.dumps({"credHelpers": {registry.host: "gone"}}))
        with pytest.raises(BoxError, match="docker-credential-gone, which is not installed"):
            bring(registry, store)


class TestPlatforms:
    def test_the_right_one_of_a_list(self, registry: FakeRegistry, store: ImageStore) -> None:
        mine = registry.add("some/thing", [random_layer(1)], tag="mine")
        other = registry.add("some/thing", [random_layer(1, 2)], tag="other", architecture=OTHER)
        listed = registry.add_list(
            "some/thing", {f"linux/{OTHER}": other, f"linux/{HERE}": mine, "windows/amd64": other}
        )
        fetched = bring(registry, store)
        assert (fetched.digest, fetched.index_digest) == (mine, listed)
        assert store.find(listed) == fetched

    def test_none_for_this_box(self, registry: FakeRegistry, store: ImageStore) -> None:
        other = registry.add("some/thing", [random_layer(1)], tag="other", architecture=OTHER)
        registry.add_list("some/thing", {f"linux/{OTHER}": other})
        with pytest.raises(BoxError, match=rf"not for linux/{HERE}: it is for linux/{OTHER}"):
            bring(registry, store)
        assert not registry.sent[other]

    def test_a_single_one_for_another_machine_is_refused_before_its_layers(
        self, registry: FakeRegistry, store: ImageStore
    ) -> None:
        registry.add("some/thing", [random_layer(2)], architecture=OTHER)
        with pytest.raises(BoxError, match=rf"is for linux/{OTHER}, and linux/{HERE} was to come"):
            bring(registry, store)
        assert sum(registry.sent.values()) < 4096
        wanted = Options(route=DIRECT, platform=Platform("linux", OTHER), keep=True)
        assert bring(registry, store, options=wanted).platform == f"linux/{OTHER}"

    def test_a_list_that_lies_is_found_out(self, registry: FakeRegistry, store: ImageStore) -> None:
        other = registry.add("some/thing", [random_layer(1)], tag="other", architecture=OTHER)
        registry.add_list("some/thing", {f"linux/{HERE}": other})
        with pytest.raises(BoxError, match=f"is for linux/{OTHER}"):
            bring(registry, store)

    def test_variants(self) -> None:
        assert Platform("linux", "arm64").serves(Platform("linux", "arm64", "v8"))
        assert not Platform("linux", "arm", "v6").serves(Platform("linux", "arm", "v7"))
        assert str(parse_platform("linux/arm/v7")) == "linux/arm/v7"
        for bad in ("arm64", "windows/amd64", "linux/", "linux/a/b/c"):
            with pytest.raises(UsageError, match="not a platform"):
                parse_platform(bad)


class TestOddManifests:
    @pytest.mark.parametrize(
        ("manifest", "words"),
        [
            ({"schemaVersion": 1}, "not an image that can be loaded"),
            ({"schemaVersion": 2, "mediaType": OCI_MANIFEST}, "names no configuration"),
            (
                {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": {"digest": "x"}, "layers": []},
                "descriptor without",
            ),
            ([1, 2], "no manifest"),
            ({"schemaVersion": 2, "mediaType": DOCKER_LIST}, "no platform at all"),
        ],
    )
    def test_are_one_line(self, registry: FakeRegistry, store: ImageStore, manifest: object, words: str) -> None:
        registry.put_manifest("some/thing", "1", OCI_MANIFEST, manifest)
        with pytest.raises(OnboxError, match=words):
            bring(registry, store)

    def test_a_digest_that_is_a_path_reaches_no_file(self, registry: FakeRegistry, store: ImageStore) -> None:
        registry.add("some/thing", [random_layer(1)])
        told = json.loads(registry.manifests["some/thing/1"][1])
        told["layers"][0]["digest"] = "sha256:../../../etc/passwd"
        registry.put_manifest("some/thing", "1", OCI_MANIFEST, told)
        with pytest.raises(FetchError, match="which is no sha256"):
            bring(registry, store)

    def test_an_unknown_kind_of_layer_is_named(self, registry: FakeRegistry, store: ImageStore) -> None:
        registry.add("some/thing", [random_layer(1)], media_type="application/x-encrypted")
        with pytest.raises(BoxError, match="application/x-encrypted"):
            bring(registry, store)


def test_the_archive_holds_every_blob_and_names_itself_last(registry: FakeRegistry, store: ImageStore) -> None:
    registry.add("some/thing", [random_layer(1), random_layer(1, 2)])
    fetched = bring(registry, store)
    image = find_source(parse(f"{registry.host}/some/thing:1"), OPTIONS).image
    out = io.BytesIO()
    written = write_archive(
        out, image.manifest.raw, image.manifest.media_type, image.config, image.layers, ("a/b:1",), store.blob
    )
    assert written == len(out.getvalue())
    out.seek(0)
    with tarfile.open(fileobj=out) as archive:
        names = archive.getnames()
        assert names[-3:] == ["oci-layout", "index.json", "manifest.json"]
        for name in names:
            if name.startswith("blobs/"):
                file = archive.extractfile(name)
                assert file is not None
                assert hashlib.sha256(file.read()).hexdigest() == name.rpartition("/")[2]
        told = archive.extractfile("manifest.json")
        assert told is not None
        assert json.loads(told.read())[0]["RepoTags"] == ["a/b:1"]
    assert fetched.digest == image.manifest.digest


def test_the_archive_takes_blobs_as_they_come(registry: FakeRegistry, store: ImageStore) -> None:
    registry.add("some/thing", [random_layer(1), random_layer(1, 2)])
    bring(registry, store)
    image = find_source(parse(f"{registry.host}/some/thing:1"), OPTIONS).image
    arrivals = Arrivals(image)
    order = [image.config.digest, image.layers[1].digest, image.layers[0].digest]
    out = io.BytesIO()
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(feed_of(image, store, ("a/b:1",), arrivals), out, lambda sent: None)
        for digest in (*order[:2], order[1]):
            arrivals.put(digest)
        assert not written.done()
        arrivals.put(order[2])
        written.result(10)
    out.seek(0)
    with tarfile.open(fileobj=out) as archive:
        assert [f"sha256:{name.rpartition('/')[2]}" for name in archive.getnames()[:3]] == order
        told = archive.extractfile("manifest.json")
        assert told is not None
        listed = json.loads(told.read())[0]["Layers"]
    assert listed == [f"blobs/sha256/{each.hex}" for each in image.layers]


def test_an_archive_whose_blobs_stop_coming_names_nothing(registry: FakeRegistry, store: ImageStore) -> None:
    registry.add("some/thing", [random_layer(1), random_layer(1, 2)])
    bring(registry, store)
    image = find_source(parse(f"{registry.host}/some/thing:1"), OPTIONS).image
    arrivals = Arrivals(image)
    arrivals.put(image.layers[1].digest)
    arrivals.end()
    out = io.BytesIO()
    with pytest.raises(FetchError, match="2 blobs never came"):
        feed_of(image, store, ("a/b:1",), arrivals)(out, lambda sent: None)
    assert b"manifest.json" not in out.getvalue()


def test_a_copy_that_broke_is_found_on_the_way_into_the_archive(registry: FakeRegistry, store: ImageStore) -> None:
    registry.add("some/thing", [random_layer(1)])
    fetched = bring(registry, store)
    image = find_source(parse(f"{registry.host}/some/thing:1"), OPTIONS).image
    path = store.blob(fetched.layers[0])
    raw = bytearray(path.read_bytes())
    raw[1000] ^= 1
    path.write_bytes(raw)
    out = io.BytesIO()
    with pytest.raises(OnboxError, match="broken, and was removed"):
        write_archive(
            out, image.manifest.raw, image.manifest.media_type, image.config, image.layers, ("a/b:1",), store.blob
        )
    assert b"manifest.json" not in out.getvalue()
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "host", "repository", "tag"),
    [
        ("ubuntu", "docker.io", "library/ubuntu", "latest"),
        ("ubuntu:24.04", "docker.io", "library/ubuntu", "24.04"),
        ("org/name", "docker.io", "org/name", "latest"),
        ("docker.io/ubuntu", "docker.io", "library/ubuntu", "latest"),
        ("ghcr.io/org/name:v1", "ghcr.io", "org/name", "v1"),
        ("localhost/name", "localhost", "name", "latest"),
        ("localhost:5000/name:1", "localhost:5000", "name", "1"),
        ("docker://nvcr.io/nvidia/pytorch:26.01-py3", "nvcr.io", "nvidia/pytorch", "26.01-py3"),
        ("[::1]:5000/a/b", "[::1]:5000", "a/b", "latest"),
    ],
)
def test_names_are_read_as_docker_reads_them(text: str, host: str, repository: str, tag: str) -> None:
    read = parse(text)
    assert (read.host, read.repository, read.tag) == (host, repository, tag)


@pytest.mark.parametrize(
    "text", ["", "some/UPPER", "a b", "a:", "a@sha256:12", "x.io/../etc", "a:t@md5:00", "-a", "a//b"]
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


def test_a_digest_gets_a_tag_to_be_loaded_by() -> None:
    read = parse(f"ghcr.io/a/b@sha256:{'ab' * 32}")
    assert read.local_name == "ghcr.io/a/b:sha256-abababababababab"
    assert parse(f"a/b:v1@sha256:{'ab' * 32}").local_name == "a/b:v1"


def test_find_image_reads_no_layer(registry: FakeRegistry) -> None:
    registry.add("some/thing", [random_layer(2)])
    source = find_source(parse(f"{registry.host}/some/thing:1"), OPTIONS)
    assert find_image(source.registry, Platform("linux", HERE)).size_bytes > 2 << 20
    assert sum(registry.sent.values()) < 4096
