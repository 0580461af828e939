"""Where a user's files are: the same places as in every release before."""

from pathlib import Path

import pytest

from onbox import user_folders


def test_the_cache_is_where_the_user_says_or_below_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOX_CACHE", str(tmp_path / "mine"))
    assert user_folders.cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("ONBOX_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_folders.cache_folder() == tmp_path / "onbox"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert user_folders.cache_folder() == Path.home() / ".cache" / "onbox"


def test_the_state_is_below_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert user_folders.state_folder() == tmp_path / "onbox"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert user_folders.state_folder() == Path.home() / ".local" / "state" / "onbox"


def test_what_is_up_is_noted_in_the_runtime_folder_or_else_in_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert user_folders.run_folder() == tmp_path / "onbox"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "missing"))
    assert user_folders.run_folder() == tmp_path / "state" / "onbox" / "run"
    assert (tmp_path / "state" / "onbox" / "run").stat().st_mode & 0o777 == 0o700
