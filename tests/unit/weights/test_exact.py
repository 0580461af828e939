"""Exact results on generated headers: true names, types and shapes, no weights."""

import time
from pathlib import Path

import pytest

from onbox import weights
from onbox.weights import Part
from tests.unit.weights.checkpoints import dense, gpt_oss, nemotron, qwen36, write_gguf, write_model

GB = 1e9


@pytest.fixture(scope="module")
def gpt_oss_120b(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("gpt-oss-120b"), *gpt_oss(), shards=15)


def test_gpt_oss_120b(gpt_oss_120b: Path) -> None:
    facts = weights.read(gpt_oss_120b)
    assert facts.parameters_total / 1e9 == pytest.approx(116.83, abs=0.005)
    assert facts.parameters_active / 1e9 == pytest.approx(5.13, abs=0.005)
    assert facts.tensor_bytes / 2**30 == pytest.approx(60.77, abs=0.005)
    read = facts.read_bytes()
    assert sum(read.values()) / GB == pytest.approx(5.002, abs=0.001)
    assert read[Part.EXPERTS] / GB == pytest.approx(1.906, abs=0.0005)
    assert (read[Part.QKV] + read[Part.OUTPUT]) / GB == pytest.approx(1.912, abs=0.0005)
    assert read[Part.LM_HEAD] / GB == pytest.approx(1.158, abs=0.0005)
    assert read[Part.ROUTER] / GB == pytest.approx(0.027, abs=0.0005)
    assert (facts.cache.full_layers, facts.cache.sliding_layers, facts.cache.sliding_window) == (18, 18, 128)
    result = facts.as_dict()
    assert result["kv_bytes_per_token"] == 36_864
    assert result["kv"]["written_bytes_per_token"] == 73_728
    assert result["kv"]["sliding_bytes_max"] == pytest.approx(4.72e6, rel=1e-3)
    assert (facts.experts, facts.top_k, facts.tied, facts.notes) == (128, 4, False, ())


def test_bytes_are_those_of_the_files(gpt_oss_120b: Path) -> None:
    facts = weights.read(gpt_oss_120b)
    files = list(gpt_oss_120b.glob("*.safetensors"))
    headers = sum(8 + int.from_bytes(path.open("rb").read(8), "little") for path in files)
    assert len(files) == 15
    assert facts.bytes_total == sum(path.stat().st_size for path in files)
    assert facts.tensor_bytes == facts.bytes_total - headers


def test_fifteen_shards_take_less_than_a_second(gpt_oss_120b: Path) -> None:
    started = time.process_time()
    weights.read(gpt_oss_120b)
    assert time.process_time() - started < 1.0


def test_gpt_oss_20b(tmp_path: Path) -> None:
    facts = weights.read(write_model(tmp_path, *gpt_oss(layers=24, experts=32), shards=3))
    assert facts.parameters_total / 1e9 == pytest.approx(20.91, abs=0.01)
    assert facts.parameters_active / 1e9 == pytest.approx(3.61, abs=0.01)
    assert facts.tensor_bytes / GB == pytest.approx(13.76, abs=0.01)


def test_qwen36_35b_a3b(tmp_path: Path) -> None:
    facts = weights.read(write_model(tmp_path, *qwen36(), shards=4))
    assert facts.parameters_total / 1e9 == pytest.approx(34.66, abs=0.005)
    assert facts.parameters_active / 1e9 == pytest.approx(2.946, abs=0.0005)
    assert sum(facts.read_bytes().values()) / GB == pytest.approx(5.89, abs=0.005)
    assert facts.as_dict()["kv_bytes_per_token"] == 20_480
    assert facts.state is not None
    assert facts.state.layers == 30
    assert 2 * facts.state.recurrent_bytes == 2 * 30 * 32 * 128 * 128 * 4
    assert facts.state.traffic_bytes / GB == pytest.approx(0.126, abs=0.004)
    assert facts.draft_parameters > 0
    assert facts.modalities == ("text", "image")
    assert facts.notes == ()


def test_nemotron_3_super(tmp_path: Path) -> None:
    facts = weights.read(write_model(tmp_path, *nemotron()))
    assert facts.parameters_total / 1e9 == pytest.approx(120.67, abs=0.005)
    assert facts.parameters_active / 1e9 == pytest.approx(12.23, abs=0.005)
    assert facts.as_dict()["kv_bytes_per_token"] == 8192
    assert facts.state is not None
    assert 2 * facts.state.recurrent_bytes / GB == pytest.approx(0.336, abs=0.0005)
    assert (facts.experts, facts.top_k) == (512, 22)
    assert facts.draft_parameters == 2 * 4096 * 4096
    assert facts.notes == ()


def test_nemotron_with_nvfp4_experts_and_fp8_mamba(tmp_path: Path) -> None:
    facts = weights.read(write_model(tmp_path, *nemotron(quantised=True)))
    assert facts.parameters_active / 1e9 == pytest.approx(12.23, abs=0.005)
    assert sum(facts.read_bytes().values()) / GB == pytest.approx(10.75, abs=0.01)
    kinds = {(group.part, group.dtype) for group in facts.groups if group.matrices}
    assert {("experts", "nvfp4"), ("shared", "nvfp4"), ("linear", "fp8"), ("lm_head", "bf16")} <= kinds


def test_llama_3_2_1b_is_tied_and_reads_its_table_as_lm_head(tmp_path: Path) -> None:
    shapes, config = dense(layers=16, hidden=2048, heads=32, kv_heads=8, dim=64, inner=8192, vocab=128256, tied=True)
    facts = weights.read(write_model(tmp_path, shapes, config))
    assert facts.parameters_total == 1_235_814_400
    assert facts.parameters_active == facts.parameters_total
    assert facts.tied
    assert facts.read_bytes()[Part.LM_HEAD] == 2 * 128256 * 2048
    assert facts.read_bytes()[Part.EMBEDDING] == 2 * 2048
    assert facts.as_dict()["kv_bytes_per_token"] == 16 * 2 * 8 * 64 * 2


def test_llama_3_1_8b_is_not_tied(tmp_path: Path) -> None:
    shapes, config = dense(layers=32, hidden=4096, heads=32, kv_heads=8, dim=128, inner=14336, vocab=128256, tied=False)
    facts = weights.read(write_model(tmp_path, shapes, config))
    assert facts.parameters_total == 8_030_261_248
    assert facts.parameters_active == 8_030_261_248 - 128256 * 4096
    assert facts.as_dict()["kv_bytes_per_token"] == 131_072


def test_gemma_3_1b_slides_in_five_layers_of_six(tmp_path: Path) -> None:
    shapes, config = dense(
        layers=26, hidden=1152, heads=4, kv_heads=1, dim=256, inner=6912, vocab=262144, tied=True,
        model_type="gemma3_text", sliding_window=512, sliding_window_pattern=6,
    )  # fmt: skip
    facts = weights.read(write_model(tmp_path, shapes, config))
    assert (facts.cache.full_layers, facts.cache.sliding_layers, facts.cache.sliding_window) == (4, 22, 512)
    assert facts.as_dict()["kv_bytes_per_token"] == 4 * 2 * 256 * 2
    assert facts.cache.read_bytes(4096) == 2 * 2 * 256 * (4 * 4096 + 22 * 512)
    assert facts.cache.read_bytes(100) == 2 * 2 * 256 * 26 * 100


def test_gpt_oss_as_gguf_with_mxfp4_experts_and_q8_0_rest(tmp_path: Path) -> None:
    layers, hidden, experts = 36, 2880, 128
    tensors: dict[str, tuple[str, tuple[int, ...]]] = {
        "token_embd.weight": ("Q8_0", (201088, hidden)),
        "output.weight": ("Q8_0", (201088, hidden)),
        "output_norm.weight": ("F32", (hidden,)),
    }
    for layer in range(layers):
        at = f"blk.{layer}"
        for name, rows, columns in (
            ("attn_q", 4096, hidden), ("attn_k", 512, hidden), ("attn_v", 512, hidden), ("attn_output", hidden, 4096),
        ):  # fmt: skip
            tensors[f"{at}.{name}.weight"] = ("Q8_0", (rows, columns))
            tensors[f"{at}.{name}.bias"] = ("F32", (rows,))
        tensors[f"{at}.attn_sinks.weight"] = ("F32", (64,))
        tensors[f"{at}.attn_norm.weight"] = ("F32", (hidden,))
        tensors[f"{at}.post_attention_norm.weight"] = ("F32", (hidden,))
        tensors[f"{at}.ffn_gate_inp.weight"] = ("F32", (experts, hidden))
        tensors[f"{at}.ffn_gate_inp.bias"] = ("F32", (experts,))
        for name in ("gate", "up", "down"):
            tensors[f"{at}.ffn_{name}_exps.weight"] = ("MXFP4", (experts, hidden, hidden))
            tensors[f"{at}.ffn_{name}_exps.bias"] = ("F32", (experts, hidden))
    metadata = {
        "general.architecture": "gpt-oss", "gpt-oss.block_count": layers, "gpt-oss.embedding_length": hidden,
        "gpt-oss.attention.head_count": 64, "gpt-oss.attention.head_count_kv": 8, "gpt-oss.attention.key_length": 64,
        "gpt-oss.attention.value_length": 64, "gpt-oss.attention.sliding_window": 128, "gpt-oss.expert_count": experts,
        "gpt-oss.expert_used_count": 4, "gpt-oss.context_length": 131072,
        "tokenizer.ggml.tokens": [f"token{index}" for index in range(3000)],
    }  # fmt: skip
    size = write_gguf(tmp_path / "gpt-oss-120b.gguf", metadata, tensors)
    facts = weights.read(tmp_path / "gpt-oss-120b.gguf")
    assert facts.bytes_total == size
    assert facts.parameters_total / 1e9 == pytest.approx(116.83, abs=0.005)
    assert (facts.cache.full_layers, facts.cache.sliding_layers) == (18, 18)
    assert sum(facts.read_bytes().values()) / GB == pytest.approx(3.563, abs=0.06)
    assert facts.read_bytes()[Part.LM_HEAD] == 201088 * 2880 * 34 // 32
