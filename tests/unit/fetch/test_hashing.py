"""Hashes of weights: known ones are kept, all others are made side by side, and a full check takes none on trust."""

import hashlib
import os
import threading
from pathlib import Path

import pytest

from onbox.errors import FetchError
from onbox.fetch import hashing, pinned
from onbox.fetch.hashing import CHECK, folder_hash, hashes_of
from onbox.fetch.verified_folder import expect_hash
from onbox.schema.recipe.weights import Weights


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv(CHECK, raising=False)
    return tmp_path / "state"


@pytest.fixture
def shards(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"model-{n}.safetensors" for n in range(1, 4)]
    for n, path in enumerate(paths):
        path.write_bytes(bytes([n]) * (n + 1) * 3_000_000)
    return paths


def right(paths: list[Path]) -> tuple[str, ...]:
    return tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)


def hashes_and_progress(paths: list[Path], **options: bool) -> tuple[tuple[str, ...], list[tuple[int, int]]]:
    """The hashes, and what was told of the bytes that had to be hashed."""
    observations: list[tuple[int, int]] = []
    return hashes_of(paths, on_bytes=lambda done, total: observations.append((done, total)), **options), observations


def test_a_file_is_hashed_once(shards: list[Path]) -> None:
    found, observation = hashes_and_progress(shards)
    assert found == right(shards)
    assert observation[0] == (0, 18_000_000)
    assert observation[-1] == (18_000_000, 18_000_000)
    assert hashes_and_progress(shards) == (found, [])


@pytest.mark.parametrize("touch", ["content", "length", "other file"])
def test_a_file_that_is_another_one_now_is_hashed_again(shards: list[Path], touch: str) -> None:
    hashes_and_progress(shards)
    if touch == "content":
        shards[1].write_bytes(b"x" * shards[1].stat().st_size)
    elif touch == "length":
        shards[1].write_bytes(b"x")
    else:
        before = shards[1].stat()
        aside = shards[1].with_suffix(".new")
        aside.write_bytes(b"y" * before.st_size)
        os.utime(aside, ns=(before.st_atime_ns, before.st_mtime_ns))
        aside.replace(shards[1])
    found, observation = hashes_and_progress(shards)
    assert found == right(shards)
    assert observation[-1] == (shards[1].stat().st_size,) * 2


def test_a_full_check_finds_what_kept_its_size_time_and_inode(
    shards: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, _ = hashes_and_progress(shards)
    stat = shards[0].stat()
    with shards[0].open("r+b") as file:
        file.write(b"rot")
    os.utime(shards[0], ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert hashes_and_progress(shards) == (before, [])
    assert hashes_and_progress(shards, full_check=True)[0] == right(shards)
    monkeypatch.setenv(CHECK, "1")
    assert len(hashes_and_progress(shards)[1]) > 3
    monkeypatch.setenv(CHECK, "0")
    assert hashes_and_progress(shards) == (right(shards), [])


def test_a_file_that_is_written_right_after_it_was_hashed_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    for n in range(20):
        path.write_bytes(b"%04d" % n)
        assert hashes_of((path,)) == right([path]), n


def test_a_state_folder_that_cannot_be_written_costs_only_time(shards: list[Path], state: Path) -> None:
    state.write_text("a file")
    assert hashes_and_progress(shards)[0] == hashes_and_progress(shards)[0] == right(shards)


@pytest.mark.parametrize("note", ["", "{", "[]", '{"path": 1}', "null", '{"sha256": "x"}'])
def test_a_broken_note_is_no_note(shards: list[Path], state: Path, note: str) -> None:
    hashes_and_progress(shards)
    for path in (state / "onbox" / "hashes").iterdir():
        path.write_text(note)
    assert hashes_and_progress(shards)[0] == right(shards)


def test_notes_of_files_that_are_gone_go(shards: list[Path], state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "NOTES_MAX", 2)
    hashes_and_progress(shards)
    for path in shards[1:]:
        path.unlink()
    shards[0].write_bytes(b"another")
    hashes_and_progress(shards[:1])
    assert len(list((state / "onbox" / "hashes").iterdir())) == 1


def test_shards_are_hashed_side_by_side(shards: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "WORKERS", 3)
    all_begun = threading.Barrier(3)

    def together(path: Path, on_bytes: object) -> str:
        all_begun.wait(60)
        return path.name

    monkeypatch.setattr(hashing, "sha256_of", together)
    assert hashes_of(shards) == tuple(path.name for path in shards)


def test_a_known_hash_that_is_not_the_published_one_is_made_again_before_the_file_goes(shards: list[Path]) -> None:
    (wanted,) = right([shards[0]])
    expect_hash(shards[0], "sha256", wanted, known="0" * 64)
    assert shards[0].exists()
    with pytest.raises(FetchError, match="sha256 is"):
        expect_hash(shards[0], "sha256", "0" * 64, known="1" * 64)
    assert not shards[0].exists()


def test_weights_that_are_named_by_a_path_say_how_far_they_are(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"w" * 5_000_000)
    weights = Weights(path=str(tmp_path / "m.gguf"))
    observations: list[tuple[int, int, str]] = []
    _, first = pinned.fetch(weights, lambda *each: observations.append(each))
    assert observations[-1] == (5_000_000, 5_000_000, "hashing")
    observations.clear()
    _, second = pinned.fetch(weights, lambda *each: observations.append(each))
    assert (second.sha256, observations) == (first.sha256, [])
    pinned.fetch(weights, lambda *each: observations.append(each), full_check=True)
    assert observations


def test_a_folder_is_known_by_the_hash_that_sha256sum_prints(shards: list[Path]) -> None:
    lines = "".join(f"{found}  {path.name}\n" for path, found in zip(shards, right(shards), strict=True))
    assert folder_hash((path.name for path in shards), right(shards)) == hashlib.sha256(lines.encode()).hexdigest()
