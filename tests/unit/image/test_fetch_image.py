"""An image from a registry into the cache: by platform, resumed, held against its digests."""

import json

import pytest

from onbox.errors import BoxError, FetchError, OnboxError, UsageError
from onbox.fetch.http import DIRECT
from onbox.image.fetch import FetchOptions, find_source
from onbox.image.manifest import Platform, find_image, parse_platform
from onbox.image.reference import parse
from onbox.image.registry_client import DOCKER_LIST, OCI_MANIFEST
from onbox.image.store import ImageStore
from tests.doubles.registry import HERE, FakeRegistry, random_layer
from tests.unit.image.fetching import OPTIONS, bring, whole

OTHER = "arm64" if HERE == "amd64" else "amd64"


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
        with pytest.raises(BoxError, match=rf"is for linux/{OTHER}, and not for linux/{HERE}"):
            bring(registry, store)
        assert sum(registry.sent.values()) < 4096
        wanted = FetchOptions(route=DIRECT, platform=Platform("linux", OTHER), keep=True)
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
            ([1, 2], "not a manifest"),
            ({"schemaVersion": 2, "mediaType": DOCKER_LIST}, "no platform at all"),
        ],
    )
    def test_are_one_line(self, registry: FakeRegistry, store: ImageStore, manifest: object, words: str) -> None:
        registry.put_manifest("some/thing", "1", OCI_MANIFEST, manifest)
        with pytest.raises(OnboxError, match=words):
            bring(registry, store)

    def test_a_digest_that_is_a_path_reaches_no_file(self, registry: FakeRegistry, store: ImageStore) -> None:
        registry.add("some/thing", [random_layer(1)])
        result = json.loads(registry.manifests["some/thing/1"][1])
        result["layers"][0]["digest"] = "sha256:../../../etc/passwd"
        registry.put_manifest("some/thing", "1", OCI_MANIFEST, result)
        with pytest.raises(FetchError, match="which is no sha256"):
            bring(registry, store)

    def test_an_unknown_kind_of_layer_is_named(self, registry: FakeRegistry, store: ImageStore) -> None:
        registry.add("some/thing", [random_layer(1)], media_type="application/x-encrypted")
        with pytest.raises(BoxError, match="application/x-encrypted"):
            bring(registry, store)


def test_find_image_reads_no_layer(registry: FakeRegistry) -> None:
    registry.add("some/thing", [random_layer(2)])
    source = find_source(parse(f"{registry.host}/some/thing:1"), OPTIONS)
    assert find_image(source.registry, Platform("linux", HERE)).size_bytes > 2 << 20
    assert sum(registry.sent.values()) < 4096
