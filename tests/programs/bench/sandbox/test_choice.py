"""Which tier is taken, and what is said where none works."""

import shutil
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from onbox.bench.sandbox.choose import VARIABLE, choose
from onbox.errors import BoxError, UsageError
from tests.programs.bench.sandbox.place import CLOSED, Place, in_tiers


def test_unknown_tier_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("none", "chroot"):
        monkeypatch.setenv(VARIABLE, name)
        with pytest.raises(UsageError, match=VARIABLE):
            choose(unsafe=True)


@in_tiers(CLOSED)
def test_a_tier_can_be_forced(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, place.sandbox.name)
    assert choose().name == place.sandbox.name


def test_a_broken_bubblewrap_is_detected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text(
        '#!/bin/sh\ncase "$1" in --version) echo bubblewrap 0.8.0;; --help) :;;\n'
        "*) echo 'bwrap: No permissions to create new namespace' >&2; exit 1;; esac\n"
    )
    broken.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: str(broken))
    monkeypatch.setenv(VARIABLE, "bubblewrap")
    with pytest.raises(BoxError, match="No permissions to create new namespace"):
        choose()


def test_without_any_tier_it_refuses_with_every_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> str:
        raise PackageNotFoundError

    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr("onbox.bench.sandbox.sandlock.version", missing)
    with pytest.raises(BoxError) as raised:
        choose()
    assert "bubblewrap is not installed" in raised.value.message
    assert "sandlock is not installed" in raised.value.message
    assert "apt install bubblewrap" in raised.value.next_step
    assert choose(unsafe=True).name == "none"
