"""Headers over HTTP by ranges, against a server on loopback that counts what it sends."""

from pathlib import Path

import huggingface_hub.constants
import pytest

from onbox import weights
from onbox.errors import BoxError, UsageError
from onbox.fetch import hub as fetch_hub
from tests.unit.weights.checkpoints import gpt_oss, write_gguf, write_model
from tests.unit.weights.hub_server import serving


def point_to(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", url)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)


def test_gpt_oss_120b_by_ranges_equals_the_local_files_and_takes_less_than_5_mb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_model(tmp_path / "model", *gpt_oss(), shards=15)
    here = weights.read(folder)
    with serving(folder) as hub:
        point_to(monkeypatch, hub.url)
        there = weights.read("hf:org/name")
        assert sum(hub.sent.values()) < 5 << 20
    assert there.read_bytes() == here.read_bytes()
    assert (there.bytes_total, there.parameters_total) == (here.bytes_total, here.parameters_total)
    assert there.source == "hf:org/name"


def test_a_header_longer_than_the_first_request_takes_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onbox.weights.hub.FIRST_BYTES", 100)
    folder = write_model(tmp_path / "model", *gpt_oss(layers=2, experts=8, hidden=64, vocab=100))
    with serving(folder) as hub:
        point_to(monkeypatch, hub.url)
        assert weights.read("hf:org/name@main").read_bytes() == weights.read(folder).read_bytes()
        requests = [
            span for method, path, span in hub.requests if path.endswith("model.safetensors") and method == "GET"
        ]
    assert requests[0] == "bytes=0-99"
    assert len(requests) == 2


def test_one_gguf_of_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("m-Q8_0.gguf", "m-Q4_K_M.gguf"):
        write_gguf(
            tmp_path / name,
            {"general.architecture": "llama", "llama.block_count": 1, "tokenizer.ggml.tokens": ["x" * 50] * 20000},
            {"token_embd.weight": ("Q8_0", (20000, 64))},
        )
    with serving(tmp_path) as hub:
        point_to(monkeypatch, hub.url)
        assert weights.read("hf:org/name/m-Q8_0.gguf").parameters_total == 20000 * 64
        with pytest.raises(UsageError, match="several models"):
            weights.read("hf:org/name")


def test_a_server_without_ranges_is_refused_and_not_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_model(tmp_path / "model", *gpt_oss(layers=2, experts=8), shards=2)
    with serving(folder) as hub:
        hub.ranges = False
        point_to(monkeypatch, hub.url)
        here, there = weights.read(folder), weights.read("hf:org/name")
        assert there.read_bytes() == here.read_bytes()
        assert sum(hub.sent.values()) < 32 << 20 < here.bytes_total


def test_an_unknown_repository_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path) as hub:
        point_to(monkeypatch, hub.url)
        with pytest.raises(UsageError, match="hf:org/other: no such repository"):
            weights.read("hf:org/other")


def test_no_network_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(monkeypatch, "http://127.0.0.1:9")
    with pytest.raises(BoxError, match="hf:org/name: the Hugging Face hub cannot be reached") as caught:
        weights.read("hf:org/name")
    assert "\n" not in caught.value.message


def test_offline_mode_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(monkeypatch, "http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BoxError, match="cannot be reached"):
        weights.read("hf:org/name")


@pytest.mark.parametrize("source", ["hf:", "hf:name", "hf:org/name@", "hf:a b/c"])
def test_what_is_no_source_on_the_hub(source: str) -> None:
    with pytest.raises(UsageError, match="not a source on the hub"):
        weights.read(source)


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "http://[::1", "hub.example.org", "ftp://h", "http://:80"])
def test_an_endpoint_that_is_no_url_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    point_to(monkeypatch, url)
    with pytest.raises(UsageError, match=r"HF_ENDPOINT: .*: not a URL"):
        weights.read("hf:org/name")
    with pytest.raises(UsageError, match=r"HF_ENDPOINT: .*: not a URL"):
        fetch_hub._reach()
