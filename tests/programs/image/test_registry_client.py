"""A registry that refuses, and what a login is sent to."""

import json
import os
from pathlib import Path

import pytest

from onbox.errors import BoxError
from onbox.image.store import ImageStore
from tests.doubles.registry import FakeRegistry, random_layer
from tests.unit.image.fetching import bring, whole


class TestSecrets:
    def login(self, tmp_path: Path, host: str, **more: object) -> None:
        (tmp_path / "docker").mkdir(exist_ok=True)
        entry = {"auths": {host: {"auth": "bWU6c2VjcmV0"}}, **more}
        (tmp_path / "docker" / "config.json").write_text(json.dumps(entry))

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
