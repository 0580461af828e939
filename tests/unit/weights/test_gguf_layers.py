"""What GGUF files say that each layer keeps: keys of the file, and what llama.cpp hard-codes where they say nothing."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from onbox import weights
from onbox.weights import Facts
from tests.unit.weights.checkpoints import Shapes, write_gguf

HIDDEN = 2048
GROUPED = {"embedding_length": HIDDEN, "attention.head_count": 16, "attention.head_count_kv": 8,
           "context_length": 131072,
           "attention.key_length": 128, "attention.value_length": 128}  # fmt: skip


def read(folder: Path, name: str, keys: dict[str, Any], tensors: Shapes) -> Facts:
    metadata = {"general.architecture": name, **{f"{name}.{key}": value for key, value in keys.items()}}
    write_gguf(folder / "m.gguf", metadata, {"token_embd.weight": ("F16", (1000, HIDDEN)), **tensors})
    return weights.read(folder / "m.gguf")


def attending(layer: int, kv_heads: int, dim: int) -> Shapes:
    at = f"blk.{layer}."
    return {
        f"{at}attn_q.weight": ("F16", (HIDDEN, HIDDEN)),
        f"{at}attn_k.weight": ("F16", (kv_heads * dim, HIDDEN)),
        f"{at}attn_v.weight": ("F16", (kv_heads * dim, HIDDEN)),
        f"{at}attn_output.weight": ("F16", (HIDDEN, HIDDEN)),
    }


def kinds(facts: Facts) -> dict[str, int]:
    return dict(Counter(layer.kind for layer in facts.cache.layers))


@pytest.mark.parametrize("interval", [{"full_attention_interval": 4}, {}])
def test_qwen36_35b_a3b_with_mtp(interval: dict[str, int], tmp_path: Path) -> None:
    tensors: Shapes = {}
    for layer in range(41):
        if (layer + 1) % 4 == 0 or layer == 40:
            tensors |= attending(layer, 2, 256)
            continue
        for name in ("attn_qkv", "attn_gate", "ssm_out", "ssm_alpha", "ssm_beta"):
            tensors[f"blk.{layer}.{name}.weight"] = ("F16", (64, HIDDEN))
        tensors[f"blk.{layer}.ssm_a"] = ("F32", (32,))
    keys = {**GROUPED, **interval, "block_count": 41, "nextn_predict_layers": 1, "attention.head_count_kv": 2,
            "attention.key_length": 256, "attention.value_length": 256, "ssm.inner_size": 4096, "ssm.state_size": 128,
            "ssm.group_count": 16, "ssm.conv_kernel": 4}  # fmt: skip
    facts = read(tmp_path, "qwen35moe", keys, tensors)
    assert kinds(facts) == {"recurrent": 30, "full": 10}
    assert facts.as_dict()["kv_bytes_per_token"] == 20_480
    assert facts.draft_parameters > 0


def test_deepseek_v3_1_keeps_the_latent(tmp_path: Path) -> None:
    tensors: Shapes = {}
    for layer in range(61):
        at = f"blk.{layer}."
        tensors[f"{at}attn_q_a.weight"] = ("F16", (1536, HIDDEN))
        tensors[f"{at}attn_kv_a_mqa.weight"] = ("F16", (576, HIDDEN))
        tensors[f"{at}attn_k_b.weight"] = tensors[f"{at}attn_v_b.weight"] = ("F16", (128, 512, 128))
        tensors[f"{at}attn_output.weight"] = ("F16", (HIDDEN, 16384))
    keys = {"block_count": 61, "embedding_length": HIDDEN, "attention.head_count": 128, "attention.head_count_kv": 1,
            "attention.key_length": 576, "attention.value_length": 512, "attention.key_length_mla": 192,
            "attention.value_length_mla": 128, "attention.kv_lora_rank": 512, "rope.dimension_count": 64}  # fmt: skip
    facts = read(tmp_path, "deepseek2", keys, tensors)
    assert facts.as_dict()["kv_bytes_per_token"] == 70_272
    assert facts.cache.kept_bytes(163_840) / 2**30 == pytest.approx(10.72, abs=0.005)


@pytest.mark.parametrize("name", ["kimi-linear", "bailingmoe3"])
def test_kimi_delta_attention_keeps_a_state_and_its_projections_are_no_attention(name: str, tmp_path: Path) -> None:
    """Kimi-Linear-48B-A3B: 7 layers of latent attention; 20 with 32 heads of 128 x 128 and convolutions of kernel 4."""
    kv_heads = [int((layer + 1) % 4 == 0 or layer == 26) for layer in range(27)]
    tensors: Shapes = {}
    for layer, attends in enumerate(kv_heads):
        at = f"blk.{layer}."
        if attends:
            tensors[f"{at}attn_q.weight"] = ("F16", (32 * 192, HIDDEN))
            tensors[f"{at}attn_kv_a_mqa.weight"] = ("F16", (576, HIDDEN))
            tensors[f"{at}attn_k_b.weight"] = tensors[f"{at}attn_v_b.weight"] = ("F16", (32, 512, 128))
        else:
            for part in "qkv":
                tensors[f"{at}attn_{part}.weight"] = ("F16", (4096, HIDDEN))
                tensors[f"{at}ssm_conv1d_{part}.weight"] = ("F32", (1, 4096, 1, 4))
            tensors[f"{at}ssm_f_a.weight"] = ("F16", (128, HIDDEN))
            tensors[f"{at}ssm_beta.weight"] = ("F16", (32, HIDDEN))
        tensors[f"{at}attn_output.weight"] = ("F16", (HIDDEN, 4096))
    keys = {"block_count": 27, "embedding_length": HIDDEN, "attention.head_count": 32,
            "attention.head_count_kv": kv_heads, "attention.key_length": 576, "attention.value_length": 512,
            "attention.key_length_mla": 192, "attention.value_length_mla": 128, "attention.kv_lora_rank": 512,
            "rope.dimension_count": 64, "kda.head_dim": 128, "ssm.conv_kernel": 4}  # fmt: skip
    facts = read(tmp_path, name, keys, tensors)
    assert facts.cache.unknown == ()
    assert kinds(facts) == {"recurrent": 20, "latent": 7}
    assert facts.as_dict()["kv_bytes_per_token"] == 7 * 576 * 2 == 8064
    assert facts.cache.state_bytes == 20 * 4 * (32 * 128 * 128 + 3 * 3 * 32 * 128)


def test_gemma_4_e4b_by_its_keys(tmp_path: Path) -> None:
    slides = [int((layer + 1) % 6 != 0) for layer in range(42)]
    tensors: Shapes = {}
    for layer in range(42):
        tensors |= attending(layer, 2, 256 if slides[layer] else 512)
    keys = {**GROUPED, "block_count": 42, "attention.head_count": 8, "attention.head_count_kv": 2,
            "attention.key_length": 512, "attention.value_length": 512, "attention.key_length_swa": 256,
            "attention.value_length_swa": 256, "attention.sliding_window": 512,
            "attention.sliding_window_pattern": slides, "attention.shared_kv_layers": 18}  # fmt: skip
    facts = read(tmp_path, "gemma4", keys, tensors)
    assert facts.as_dict()["kv_bytes_per_token"] == 16_384
    assert facts.cache.read_bytes(4096) == 7 * 4096 * 4096 + 35 * 512 * 2048


@pytest.mark.parametrize(
    ("name", "more", "expected"),
    [
        ("llama", {}, {"full": 8}),
        ("llama4", {}, {"chunks of 8192": 6, "full": 2}),
        ("gemma3", {"attention.sliding_window": 1024}, {"sliding 1024": 7, "full": 1}),
        ("cohere2", {"attention.sliding_window": 4096}, {"sliding 4096": 6, "full": 2}),
        ("laguna", {"attention.sliding_window": 512}, {"sliding 512": 6, "full": 2}),
        ("phi3", {"attention.sliding_window": 2047}, {"full": 8}),
        ("llama", {"attention.sliding_window": 4096}, {"full": 8}),
        ("newest", {"attention.sliding_window": 4096}, {"unknown": 8}),
        (
            "newest",
            {"attention.sliding_window": 4096, "attention.sliding_window_pattern": 4},
            {"sliding 4096": 6, "full": 2},
        ),
        ("newest", {"attention.sliding_window": 4096, "attention.sliding_window_pattern": 3}, {"unknown": 8}),
    ],
)
def test_what_llama_cpp_hard_codes(name: str, more: dict[str, int], expected: dict[str, int], tmp_path: Path) -> None:
    tensors: Shapes = {}
    for layer in range(8):
        tensors |= attending(layer, 8, 128)
    facts = read(tmp_path, name, {**GROUPED, **more, "block_count": 8}, tensors)
    assert kinds(facts) == expected
    assert (facts.as_dict()["kv_bytes_per_token"] is None) == ("unknown" in expected)


def test_layers_without_heads_are_recurrent_or_nothing(tmp_path: Path) -> None:
    tensors = attending(3, 4, 128)
    for layer in (0, 2, 4, 6):
        tensors[f"blk.{layer}.ssm_in.weight"] = ("F16", (64, HIDDEN))
    for layer in (1, 5, 7):
        tensors[f"blk.{layer}.ffn_up.weight"] = ("F16", (64, HIDDEN))
    keys = {**GROUPED, "block_count": 8, "attention.head_count_kv": [0, 0, 0, 4, 0, 0, 0, 0], "ssm.inner_size": 4096,
            "ssm.state_size": 128, "ssm.group_count": 8, "ssm.conv_kernel": 4}  # fmt: skip
    facts = read(tmp_path, "nemotron_h", keys, tensors)
    assert kinds(facts) == {"recurrent": 4, "no attention": 3, "full": 1}
    assert facts.cache.state_bytes == 4 * (4096 * 128 + 3 * (4096 + 2 * 8 * 128)) * 4


def test_a_key_of_attention_that_is_not_known(tmp_path: Path) -> None:
    facts = read(tmp_path, "llama", {**GROUPED, "block_count": 1, "attention.wonder": 4}, attending(0, 8, 128))
    assert facts.cache.unknown == ("the file has keys of attention that are not known: attention.wonder",)
