"""What the tensors say against what the configuration says, and parts that decoding does not read."""

from pathlib import Path

import pytest

from onbox import weights
from onbox.errors import UsageError
from onbox.weights import Part
from tests.unit.weights.checkpoints import Shapes, dense, gpt_oss, qwen36, write_gguf, write_model

SMALL = {"layers": 2, "hidden": 64, "heads": 4, "kv_heads": 2, "dim": 16, "inner": 128, "vocab": 1000}


def test_a_tower_only_in_the_configuration_is_reported(tmp_path: Path) -> None:
    facts = weights.read(write_model(tmp_path, *qwen36(vision=False), shards=2))
    assert facts.vision_tower == weights.Tower(False, True, 0, 0)
    assert facts.modalities == ("text",)
    assert "cannot see" in facts.notes[0]


def test_a_tower_only_in_the_tensors_is_reported(tmp_path: Path) -> None:
    shapes, config = qwen36()
    del config["vision_config"]
    facts = weights.read(write_model(tmp_path, shapes, config))
    assert facts.vision_tower.in_tensors
    assert not facts.vision_tower.in_config
    assert "does not mention" in facts.notes[0]


def test_vision_and_draft_layers_change_no_rate(tmp_path: Path) -> None:
    whole = weights.read(write_model(tmp_path / "whole", *qwen36()))
    bare = weights.read(write_model(tmp_path / "bare", *qwen36(vision=False, mtp=False)))
    assert whole.read_bytes() == bare.read_bytes()
    assert whole.parameters_total == bare.parameters_total
    assert whole.tensor_bytes - bare.tensor_bytes == whole.vision_tower.nbytes + whole.draft_bytes


def test_draft_layers_numbered_behind_the_model_are_apart(tmp_path: Path) -> None:
    shapes, config = dense(**SMALL, tied=False)
    more, _ = dense(**{**SMALL, "layers": 3}, tied=False)
    facts = weights.read(write_model(tmp_path, more, {**config, "num_nextn_predict_layers": 1}))
    alone = weights.read(write_model(tmp_path / "alone", shapes, config))
    assert facts.parameters_active == alone.parameters_active
    assert facts.draft_parameters > 0
    assert facts.cache.full_layers == 2


def test_a_missing_lm_head_that_the_configuration_does_not_tie_is_reported(tmp_path: Path) -> None:
    shapes, config = dense(**SMALL, tied=True)
    facts = weights.read(write_model(tmp_path, shapes, {**config, "tie_word_embeddings": False}))
    assert facts.tied
    assert "not tied" in facts.notes[0]


def test_tensors_that_are_not_recognised_are_counted_and_named(tmp_path: Path) -> None:
    shapes, config = dense(**SMALL, tied=True)
    shapes["model.layers.0.wonder.weight"] = ("BF16", (64, 64))
    facts = weights.read(write_model(tmp_path, shapes, config))
    assert facts.read_bytes()[Part.OTHER] == 8192
    assert "model.layers.0.wonder" in facts.notes[0]


def test_a_different_number_of_experts_is_an_error(tmp_path: Path) -> None:
    shapes, config = gpt_oss(layers=1, experts=8, hidden=64, vocab=100)
    with pytest.raises(UsageError, match="says 16 experts, the tensors hold 8"):
        weights.read(write_model(tmp_path, shapes, {**config, "num_local_experts": 16}))


def test_experts_that_no_tensor_is_known_to_be_are_an_error(tmp_path: Path) -> None:
    shapes, config = dense(**SMALL, tied=False)
    with pytest.raises(UsageError, match="says 64 experts, no tensor is known to be one"):
        weights.read(write_model(tmp_path, shapes, {**config, "num_experts": 64, "num_experts_per_tok": 8}))


@pytest.mark.parametrize("name", ["mlp.switch_mlp.up_proj", "block_sparse_moe.input_linear", "mlp.experts.up_proj"])
def test_fused_experts_by_their_names_in_other_tools(tmp_path: Path, name: str) -> None:
    shapes, config = dense(**SMALL, tied=False)
    shapes[f"model.layers.0.{name}.weight"] = ("BF16", (64, 128, 64))
    facts = weights.read(write_model(tmp_path, shapes, {**config, "num_experts": 64, "num_experts_per_tok": 8}))
    assert facts.read_bytes()[Part.EXPERTS] == 8 * 128 * 64 * 2


def test_experts_without_top_k_are_an_error(tmp_path: Path) -> None:
    shapes, config = gpt_oss(layers=1, experts=8, hidden=64, vocab=100)
    del config["num_experts_per_tok"]
    with pytest.raises(UsageError, match="does not say how many a token uses"):
        weights.read(write_model(tmp_path, shapes, config))


def test_latent_attention_keeps_the_compressed_cache(tmp_path: Path) -> None:
    shapes: Shapes = {"model.embed_tokens.weight": ("BF16", (1000, 64)), "lm_head.weight": ("BF16", (1000, 64))}
    for layer in range(3):
        at = f"model.layers.{layer}.self_attn"
        shapes[f"{at}.kv_a_proj_with_mqa.weight"] = ("BF16", (576, 64))
        shapes[f"{at}.kv_b_proj.weight"] = ("BF16", (1024, 512))
    config = {"model_type": "deepseek_v3", "num_hidden_layers": 3, "hidden_size": 64, "kv_lora_rank": 512,
              "qk_rope_head_dim": 64, "num_attention_heads": 4, "v_head_dim": 128}  # fmt: skip
    facts = weights.read(write_model(tmp_path, shapes, config))
    assert {layer.kind for layer in facts.cache.layers} == {"latent"}
    assert facts.as_dict()["kv_bytes_per_token"] == 3 * (512 + 64) * 2


def test_gguf_with_a_tower_beside_it_can_see(tmp_path: Path) -> None:
    metadata = {
        "general.architecture": "qwen3next", "qwen3next.block_count": 2, "qwen3next.embedding_length": 64,
        "qwen3next.attention.head_count": 4, "qwen3next.attention.head_count_kv": [0, 2],
        "qwen3next.attention.key_length": 16, "qwen3next.attention.value_length": 16,
        "qwen3next.ssm.inner_size": 4096, "qwen3next.ssm.state_size": 128, "qwen3next.ssm.group_count": 16,
        "qwen3next.ssm.conv_kernel": 4,
    }  # fmt: skip
    tensors: Shapes = {
        "token_embd.weight": ("Q4_K", (1000, 256)),
        "blk.0.attn_qkv.weight": ("Q8_0", (64, 64)),
        "blk.0.ssm_out.weight": ("Q8_0", (64, 64)),
        "blk.1.attn_k.weight": ("Q8_0", (32, 64)),
        "blk.1.attn_v.weight": ("Q8_0", (32, 64)),
    }
    size = write_gguf(tmp_path / "model.gguf", metadata, tensors)
    tower = write_gguf(
        tmp_path / "mmproj-model.gguf", {"general.architecture": "clip"}, {"v.blk.0.attn_q.weight": ("F16", (8, 8))}
    )
    facts = weights.read(tmp_path)
    assert facts.bytes_total == size + tower
    assert facts.vision_tower.in_tensors
    assert facts.modalities == ("text", "image")
    assert [layer.kind for layer in facts.cache.layers] == ["recurrent", "full"]
    assert facts.as_dict()["kv_bytes_per_token"] == 64 * 2
    assert facts.state is not None
    assert facts.state.recurrent_bytes == 4096 * 128 * 4
    assert facts.state.conv_bytes == (4096 + 2 * 16 * 128) * 3 * 4  # llama.cpp keeps it in 32 bits
    assert facts.read_bytes()[Part.LINEAR] == 2 * 64 * 64 * 34 // 32


def test_real_ggml_types_count_blocks(tmp_path: Path) -> None:
    tensors: Shapes = {"token_embd.weight": ("Q6_K", (10, 256)), "blk.0.ffn_up.weight": ("IQ4_XS", (4, 512))}
    write_gguf(tmp_path / "m.gguf", {"general.architecture": "llama", "llama.block_count": 1}, tensors)
    facts = weights.read(tmp_path / "m.gguf")
    assert facts.tensor_bytes == 10 * 210 + 4 * 2 * 136
