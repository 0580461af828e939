"""The archive by which an image reaches the daemon."""

import hashlib
import io
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from onbox.errors import FetchError, OnboxError
from onbox.image.archive import ArchivedImage, write_archive
from onbox.image.fetch import Arrivals, feed_of, find_source
from onbox.image.manifest import ImageManifest
from onbox.image.reference import parse
from onbox.image.store import ImageStore
from tests.doubles.registry import FakeRegistry, random_layer
from tests.unit.image.fetching import OPTIONS, bring


def archived(image: ImageManifest) -> ArchivedImage:
    return ArchivedImage(image.manifest.raw, image.manifest.media_type, image.config, image.layers, ("a/b:1",))


def test_the_archive_holds_every_blob_and_names_itself_last(registry: FakeRegistry, store: ImageStore) -> None:
    registry.add("some/thing", [random_layer(1), random_layer(1, 2)])
    fetched = bring(registry, store)
    image = find_source(parse(f"{registry.host}/some/thing:1"), OPTIONS).image
    out = io.BytesIO()
    written = write_archive(archived(image), out, store.blob)
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
        result = archive.extractfile("manifest.json")
        assert result is not None
        assert json.loads(result.read())[0]["RepoTags"] == ["a/b:1"]
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
        result = archive.extractfile("manifest.json")
        assert result is not None
        listed = json.loads(result.read())[0]["Layers"]
    assert listed == [f"blobs/sha256/{each.hex}" for each in image.layers]


def test_an_archive_whose_blobs_stop_coming_names_nothing(registry: FakeRegistry, store: ImageStore) -> None:
    registry.add("some/thing", [random_layer(1), random_layer(1, 2)])
    bring(registry, store)
    image = find_source(parse(f"{registry.host}/some/thing:1"), OPTIONS).image
    arrivals = Arrivals(image)
    arrivals.put(image.layers[1].digest)
    arrivals.end()
    out = io.BytesIO()
    with pytest.raises(FetchError, match="2 blobs did not arrive"):
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
        write_archive(archived(image), out, store.blob)
    assert b"manifest.json" not in out.getvalue()
    assert not path.exists()
