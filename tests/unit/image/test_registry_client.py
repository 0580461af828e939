"""A registry that refuses, and what a login is sent to."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from onbox.errors import BoxError, FetchError
from onbox.fetch.http import DIRECT
from onbox.image.fetch import FetchOptions, fetch_image
from onbox.image.reference import parse
from onbox.image.registry_client import OCI_INDEX, OCI_MANIFEST
from onbox.image.store import ImageStore
from tests.doubles.registry import FakeRegistry, random_layer, serving_registry
from tests.doubles.server import ReceivedRequest, Wire, serving
from tests.unit.image.fetching import OPTIONS, bring, whole


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "words"),
        [
            (401, "wants a login, or has no such image"),
            (403, "refuses it"),
            (404, "not found at"),
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

    @pytest.mark.parametrize(
        "body",
        [
            b"[" * 100_000,
            b'{"mediaType":' * 5000,
            b'{"mediaType": "%s", "manifests": 5}' % OCI_INDEX.encode(),
            b'{"mediaType": "%s", "manifests": [5, {"platform": 5}, {"platform": {"os": []}}]}' % OCI_INDEX.encode(),
            b'{"mediaType": "%s", "config": 5, "layers": {}}' % OCI_MANIFEST.encode(),
            b'{"mediaType": "%s", "config": {"digest": [], "size": 1e999}, "layers": [[]]}' % OCI_MANIFEST.encode(),
            b"\xff\xfe",
            b"5",
            b"[]",
        ],
    )
    def test_a_manifest_of_any_depth_and_kind_is_one_line(
        self, registry: FakeRegistry, store: ImageStore, body: bytes
    ) -> None:
        kind = OCI_INDEX if b"index" in body else OCI_MANIFEST
        registry.manifests["some/thing/1"] = (kind, body)
        with pytest.raises((FetchError, BoxError)) as caught:
            bring(registry, store)
        assert "\n" not in caught.value.message

    @pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", b"HTTP/1.1 200 OK\r\nx: "])
    def test_a_trickle_is_given_up_once(self, store: ImageStore, monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
        """Each byte comes long before the connection counts as dead, and there is no end of them."""
        monkeypatch.setattr("onbox.fetch.http.WHOLE_S", 1.0)

        def script(request: ReceivedRequest, wire: Wire) -> None:
            wire.send(head)
            while not wire.closed:
                wire.send(b"x")
                wire.pause(0.02)

        with serving(script) as server:
            host = server.url.removeprefix("http://")
            with pytest.raises(FetchError, match=r"the answer was not over after 1 s"):
                fetch_image(parse(f"{host}/some/thing:1"), None, replace(OPTIONS, stall_s=60.0), store)
        assert sum(request.path.endswith("/manifests/1") for request in server.requests) == 1

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

    def test_a_login_that_is_refused_is_reported(
        self, registry: FakeRegistry, store: ImageStore, tmp_path: Path
    ) -> None:
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
            fetched = bring(registry, store, options=FetchOptions(route=DIRECT, mirrors=(mirror.url,), keep=True))
            assert fetched.registry == mirror.host
            assert not registry.requests
            for _, headers in mirror.requests:
                assert "authorization" not in {name.lower() for name in headers}

    def test_a_mirror_that_has_it_not_is_passed_over(self, registry: FakeRegistry, store: ImageStore) -> None:
        registry.add("some/thing", [random_layer(1)])
        with serving_registry() as mirror:
            fetched = bring(registry, store, options=FetchOptions(route=DIRECT, mirrors=(mirror.url,), keep=True))
        assert fetched.registry == registry.host
