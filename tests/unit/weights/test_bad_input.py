"""Hostile and broken headers: one line that names file and field, bounded memory, no other exception."""

import json
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onbox import weights
from onbox.errors import UsageError
from onbox.weights.gguf_header import read_gguf
from onbox.weights.reader import check_range
from onbox.weights.safetensors_header import read_safetensors
from tests.unit.weights.checkpoints import (
    Shapes,
    dense,
    gguf_bytes,
    gguf_string,
    gguf_value,
    header_bytes,
    write_gguf,
    write_model,
)

SHAPES: Shapes = {"a": ("BF16", (4, 8)), "b": ("F32", (2, 2)), "c": ("U8", (16,))}
HEADER, DATA_BYTES = header_bytes(SHAPES)
GGUF, GGUF_BYTES = gguf_bytes(
    {"general.architecture": "llama", "llama.block_count": 1, "list": ["a", "b"], "numbers": [1, 2, 3], "f": 1.5},
    {"token_embd.weight": ("Q4_0", (4, 32)), "output.weight": ("F16", (4, 32))},
)


class BytesReader:
    """A file that is in memory."""

    def __init__(self, data: bytes, name: str = "memory", size_bytes: int | None = None) -> None:
        self._data = data
        self.name = name
        self.size_bytes = len(data) if size_bytes is None else size_bytes

    def read(self, offset: int, length: int) -> bytes:
        check_range(self, offset, length)
        data = self._data[offset : offset + length]
        if len(data) != length:
            raise UsageError(f"{self.name}: ends at byte {offset + len(data):,}, {length - len(data):,} too early")
        return data


def safetensors(entries: Any, data_bytes: int = 64) -> BytesReader:
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    raw = len(text).to_bytes(8, "little") + text
    return BytesReader(raw + b"\0" * data_bytes, "model.safetensors")


def entry(dtype: Any = "F32", shape: Any = (4, 4), offsets: Any = (0, 64)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    ("reader", "says"),
    [
        (BytesReader(b"\1\2", "model.safetensors"), "too few"),
        (BytesReader((1 << 60).to_bytes(8, "little"), "model.safetensors"), "header length 1,152,921,504,606,846,976"),
        (BytesReader(HEADER[:40], "model.safetensors"), "goes beyond the file"),
        (BytesReader((1 << 28).to_bytes(8, "little"), "model.safetensors", 1 << 30), "over the format's limit"),
        (safetensors(b"{"), "not JSON"),
        (safetensors(b"[" * 100_000), "not JSON"),
        (safetensors(b"\xff\xfe"), "not JSON"),
        (safetensors(b"[]"), "no JSON object"),
        (safetensors(b'{"a":1,"a":2}'), "twice"),
        (safetensors({"a": 3}), "a: data_offsets"),
        (safetensors({"a": entry(offsets=(0, 64, 3))}), "a: data_offsets is not a pair"),
        (safetensors({"a": entry(offsets=(0, 640))}), "a: data_offsets .* out of range"),
        (safetensors({"a": entry(offsets=(64, 0))}), "a: data_offsets .* out of range"),
        (safetensors({"a": entry(offsets=(0, 1.5))}), "a: data_offsets is not"),
        (safetensors({"a": entry(offsets=(-64, 0))}), "a: data_offsets is not"),
        (safetensors({"a": entry(dtype="F7")}), "a: dtype 'F7' is unknown"),
        (safetensors({"a": entry(dtype=None)}), "a: dtype"),
        (safetensors({"a": entry(shape=(4, -4))}), "a: shape"),
        (safetensors({"a": entry(shape=(True, 16))}), "a: shape"),
        (safetensors({"a": entry(shape=[1] * 40)}), "a: shape"),
        (safetensors({"a": entry(shape=(4, 5))}), "a: shape .* does not take the 64 bytes"),
        (safetensors({"a": entry(), "b": entry(offsets=(32, 64), shape=(8,))}), "b: data_offsets .* overlaps"),
        (
            safetensors({"a": entry(offsets=(0, 16), shape=(4,)), "b": entry(offsets=(32, 64), shape=(8,))}),
            "b: .* hole",
        ),
        (safetensors({"a": entry(offsets=(0, 32), shape=(8,))}), "32 bytes of data belong to no tensor"),
    ],
)
def test_a_broken_safetensors_header_is_one_line(reader: BytesReader, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        read_safetensors(reader)
    assert caught.value.message.startswith("model.safetensors: ")
    assert "\n" not in caught.value.message


def gguf(body: bytes, *, version: int = 3, tensors: int = 0, pairs: int = 0, size: int | None = None) -> BytesReader:
    raw = b"GGUF" + struct.pack("<IQQ", version, tensors, pairs) + body
    return BytesReader(raw, "model.gguf", size)


def tensor_entry(name: str, dims: tuple[int, ...], kind: int, offset: int) -> bytes:
    return gguf_string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)


ROOM = b"\0" * 4096


@pytest.mark.parametrize(
    ("reader", "says"),
    [
        (BytesReader(b"GGUF", "model.gguf"), "too few"),
        (BytesReader(b"GGML" + bytes(64), "model.gguf"), "does not begin with GGUF"),
        (gguf(ROOM, version=4), "GGUF version 4"),
        (gguf(ROOM, version=1), "GGUF version 1"),
        (gguf(ROOM, version=3 << 24), "big-endian"),
        (gguf(ROOM, tensors=1 << 60), "tensor count"),
        (gguf(ROOM, pairs=1 << 60), "metadata count"),
        (gguf(struct.pack("<Q", 1 << 60) + ROOM, pairs=1), "metadata key 0: a string"),
        (gguf(gguf_string("k") + struct.pack("<I", 99) + ROOM, pairs=1), "k: value type 99"),
        (gguf(gguf_string("k") + struct.pack("<IQ", 8, 1 << 60) + ROOM, pairs=1), "k: a string"),
        (gguf(gguf_string("k") + struct.pack("<IIQ", 9, 4, 1 << 60) + ROOM, pairs=1), "k: array length"),
        (gguf(gguf_string("k") + struct.pack("<IIQ", 9, 8, 1 << 60) + ROOM, pairs=1), "k: array length"),
        (gguf(gguf_string("k") + struct.pack("<IIQ", 9, 9, 2) + ROOM, pairs=1), "k: arrays of type 9"),
        (gguf(gguf_string("general.alignment") + gguf_value(33) + ROOM, pairs=1), "general.alignment 33"),
        (gguf(gguf_string("general.alignment") + gguf_value(0) + ROOM, pairs=1), "general.alignment 0"),
        (gguf(tensor_entry("t", (4,) * 5, 0, 0) + ROOM, tensors=1), "t: 5 dimensions"),
        (gguf(tensor_entry("t", (4,), 999, 0) + ROOM, tensors=1), "t: tensor type 999 is not in the installed gguf"),
        (gguf(tensor_entry("t", (31,), 2, 0) + ROOM, tensors=1), "t: rows of 31 do not divide"),
        (gguf(tensor_entry("t", (4,), 0, 7) + ROOM, tensors=1), "t: offset 7 is not aligned"),
        (
            gguf(tensor_entry("t", (1 << 40,), 0, 0) + ROOM, tensors=1),
            "t: ends .* past the end of the file: truncated",
        ),
        (gguf(tensor_entry("t", (4,), 0, 0) + tensor_entry("u", (4,), 0, 0) + ROOM, tensors=2), "overlaps"),
        (gguf(tensor_entry("t", (4,), 0, 0) + tensor_entry("t", (4,), 0, 32) + ROOM, tensors=2), "t: listed twice"),
        (BytesReader(GGUF[:100], "model.gguf"), "truncated"),
    ],
)
def test_a_broken_gguf_header_is_one_line(reader: BytesReader, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        read_gguf(reader)
    assert caught.value.message.startswith("model.gguf: ")
    assert "\n" not in caught.value.message


def test_claims_of_exbibytes_allocate_nothing() -> None:
    tracemalloc.start()
    for reader in (
        BytesReader((1 << 60).to_bytes(8, "little") + ROOM, "a", 1 << 62),
        gguf(ROOM, tensors=1 << 55, size=1 << 62),
        gguf(gguf_string("k") + struct.pack("<IIQ", 9, 4, 1 << 58) + ROOM, pairs=1, size=1 << 62),
        gguf(gguf_string("k") + struct.pack("<IQ", 8, 1 << 58) + ROOM, pairs=1, size=1 << 62),
    ):
        with pytest.raises(UsageError):
            read_gguf(reader) if reader.name == "model.gguf" else read_safetensors(reader)
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


# ------------------------------------------------------------ fuzzing

FUZZ = settings(max_examples=700, deadline=2000, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
WHOLE = HEADER + b"\0" * DATA_BYTES
WHOLE_GGUF = GGUF + b"\0" * GGUF_BYTES


def only_usage_errors(data: bytes) -> None:
    """Whatever the bytes, a parser returns tensors that lie inside the file, or raises one clear error."""
    tracemalloc.start()
    try:
        for parse in (read_safetensors, read_gguf):
            try:
                found = parse(BytesReader(data))
            except UsageError:
                continue
            tensors = found if isinstance(found, list) else found.tensors
            assert sum(each.nbytes for each in tensors) <= len(data)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


@FUZZ
@given(st.binary(max_size=400))
def test_fuzz_any_bytes(data: bytes) -> None:
    only_usage_errors(data)
    only_usage_errors(b"GGUF\x03\0\0\0" + data)
    only_usage_errors(len(data).to_bytes(8, "little") + data)


@FUZZ
@given(st.sampled_from([WHOLE, WHOLE_GGUF]), st.data())
def test_fuzz_a_true_file_with_bytes_changed_and_cut(whole: bytes, data: st.DataObject) -> None:
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    only_usage_errors(bytes(changed[: data.draw(st.integers(0, len(changed)))]))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
entries = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "BF16", "U8", "F4", "F9"]) | json_values,
        "shape": st.lists(st.integers(0, 8) | st.integers(), max_size=4) | json_values,
        "data_offsets": st.lists(st.integers(0, 128) | st.integers(), min_size=2, max_size=2) | json_values,
    }
)


@FUZZ
@given(st.dictionaries(st.text(max_size=12), entries | json_values, max_size=5), st.integers(0, 256))
def test_fuzz_headers_that_are_json(header: dict[str, Any], data_bytes: int) -> None:
    text = json.dumps(header).encode()
    only_usage_errors(len(text).to_bytes(8, "little") + text + b"\0" * data_bytes)


@settings(FUZZ, max_examples=300)
@given(st.dictionaries(st.sampled_from([
    "model_type", "text_config", "num_hidden_layers", "hidden_size", "num_attention_heads", "num_key_value_heads",
    "head_dim", "layer_types", "sliding_window", "sliding_window_pattern", "use_sliding_window", "max_window_layers",
    "hybrid_override_pattern", "quantization_config", "vision_config", "num_experts_per_tok", "num_experts",
    "linear_attn_config", "tie_word_embeddings", "mamba_ssm_cache_dtype", "ssm_state_size", "kv_lora_rank",
    "qk_rope_head_dim", "num_nextn_predict_layers",
]), json_values | st.integers(0, 64), max_size=12))  # fmt: skip
def test_fuzz_configurations(config: dict[str, Any]) -> None:
    from onbox.weights import architecture, facts
    from onbox.weights.config_plan import plan_from_config
    from onbox.weights.packing import safetensors_weights

    shapes, _ = dense(layers=2, hidden=64, heads=4, kv_heads=2, dim=16, inner=128, vocab=1000, tied=True)
    header, size = header_bytes(shapes)
    tensors = read_safetensors(BytesReader(header + b"\0" * size))
    try:
        result = facts.facts(
            source="m", format_="safetensors", files=("m",), bytes_total=1,
            weights=safetensors_weights(tensors, config), architecture=architecture.from_config(config),
            plan=plan_from_config(config),
        )  # fmt: skip
    except UsageError:
        return
    assert result.tensor_bytes == size
    json.dumps(result.as_dict())


# ------------------------------------------------------------ folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shapes, config = dense(layers=2, hidden=64, heads=4, kv_heads=2, dim=16, inner=128, vocab=1000, tied=False)
    return write_model(tmp_path / "model", shapes, config, shards=3)


def test_the_folder_of_these_tests_is_whole(folder: Path) -> None:
    assert weights.read(folder).tensor_bytes == sum(
        path.stat().st_size - 8 - int.from_bytes(path.open("rb").read(8), "little")
        for path in folder.glob("*.safetensors")
    )


def fails(path: Path, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        weights.read(path)
    assert "\n" not in caught.value.message


def test_a_missing_shard_is_named(folder: Path) -> None:
    (folder / "model-00002-of-00003.safetensors").unlink()
    fails(folder, r"names model-00002-of-00003\.safetensors, which is missing")


def test_a_missing_shard_without_an_index_is_named(folder: Path) -> None:
    (folder / "model.safetensors.index.json").unlink()
    assert weights.read(folder).layers == 2
    (folder / "model-00002-of-00003.safetensors").unlink()
    fails(folder, r"model-00002-of-00003\.safetensors is missing")


def test_an_index_that_names_a_file_elsewhere_is_refused(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../../etc/passwd"}}')
    fails(folder, "no plain file name")


def test_an_index_that_promises_a_tensor_too_many_is_refused(folder: Path) -> None:
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    index["weight_map"]["model.layers.9.mlp.up_proj.weight"] = "model-00001-of-00003.safetensors"
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    fails(folder, r"does not hold model\.layers\.9")


@pytest.mark.parametrize("text", ["{", "[]", '{"weight_map": 3}', '{"weight_map": {"a": 3}}'])
def test_a_broken_index_is_named(folder: Path, text: str) -> None:
    (folder / "model.safetensors.index.json").write_text(text)
    fails(folder, r"model\.safetensors\.index\.json")


def test_a_missing_or_broken_configuration_is_named(folder: Path) -> None:
    (folder / "config.json").write_text("{")
    fails(folder, r"config\.json: not JSON")
    (folder / "config.json").unlink()
    fails(folder, r"config\.json is missing")


def test_a_shard_cut_short_is_named(folder: Path) -> None:
    shard = folder / "model-00002-of-00003.safetensors"
    with shard.open("r+b") as file:
        file.truncate(shard.stat().st_size - 1)
    fails(folder, r"model-00002-of-00003\.safetensors: .*data_offsets .* out of range")


def test_several_models_ask_for_one(tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        write_gguf(tmp_path / name, {"general.architecture": "llama", "llama.block_count": 1}, {})
    fails(tmp_path, "several models")


def test_what_is_no_model_is_named_as_such(tmp_path: Path) -> None:
    fails(tmp_path, "holds no safetensors and no GGUF file")
    fails(tmp_path / "missing", "no such file or folder")
    (tmp_path / "notes.txt").write_text("x")
    fails(tmp_path / "notes.txt", r"neither \.safetensors nor \.gguf")
    write_gguf(tmp_path / "empty.gguf", {"general.architecture": "llama", "llama.block_count": 1}, {})
    fails(tmp_path / "empty.gguf", "contains no weights")


def test_a_split_gguf_needs_all_its_parts(tmp_path: Path) -> None:
    metadata = {"general.architecture": "llama", "llama.block_count": 2, "split.count": 2}
    tensors: list[Shapes] = [{f"blk.{n}.ffn_up.weight": ("Q8_0", (32, 32))} for n in range(2)]
    sizes = [write_gguf(tmp_path / f"m-{n + 1:05d}-of-00002.gguf", metadata, tensors[n]) for n in range(2)]
    facts = weights.read(tmp_path / "m-00001-of-00002.gguf")
    assert facts.bytes_total == sum(sizes)
    assert facts.parameters_total == 2 * 32 * 32
    (tmp_path / "m-00002-of-00002.gguf").unlink()
    fails(tmp_path, r"m-00002-of-00002\.gguf is missing")
