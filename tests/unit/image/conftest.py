"""A registry that can be made to fail, and a store of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from onbox.fetch import transfer
from onbox.image.store import ImageStore
from tests.doubles.registry import FakeRegistry, serving_registry


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
