"""Whatever a configuration says: no traceback, and nothing is known that was not understood."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onbox import fit, weights
from onbox.weights.config_plan import plan_from_config
from onbox.weights.gguf_plan import plan_from_gguf
from onbox.weights.known_keys import not_understood
from tests.unit.weights.checkpoints import dense, write_model

SMALL: dict[str, Any] = {"layers": 2, "hidden": 64, "heads": 4, "kv_heads": 2, "dim": 16, "inner": 128, "vocab": 1000}
FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)

STEMS = [
    "attention",
    "sliding_window",
    "kv_cache",
    "compress",
    "linear_attn",
    "mamba",
    "ssm_state",
    "indexer",
    "latent",
]
values = (
    st.integers(1, 64) | st.text("abc", min_size=1, max_size=5) | st.lists(st.integers(0, 3), min_size=1, max_size=4)
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-8, 300) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = """
    model_type num_hidden_layers hidden_size num_attention_heads num_key_value_heads head_dim v_head_dim layer_types
    sliding_window sliding_window_pattern use_sliding_window max_window_layers attention_chunk_size no_rope_layers
    hybrid_layer_pattern compress_ratios num_kv_shared_layers kv_lora_rank qk_rope_head_dim index_topk index_head_dim
    indexer_types linear_attn_config hybrid_override_pattern attn_type_list block_configs block_types per_layer_config
    text_config llm_config thinker_config num_experts num_experts_per_tok zero_expert_num attn_layer_period
    attn_layer_offset full_attention_interval layer_group_size attention_layers global_head_dim swa_head_dim
""".split()  # noqa: SIM905
names = st.sampled_from(
    ["gemma3_text", "gemma4_text", "jamba", "mamba2", "rwkv7", "falcon_h1", "llama", "longcat_flash"]
)


@FUZZ
@given(st.dictionaries(st.sampled_from(KEYS), anything | names | st.integers(0, 12), max_size=14))
def test_any_configuration_is_described(config: dict[str, Any]) -> None:
    plan = plan_from_config(config)
    assert all(each.unknown or each.source for each in plan.layers)


@FUZZ
@given(st.dictionaries(
    st.sampled_from([f"gemma4.{key}" for key in (
        "block_count", "embedding_length", "attention.head_count", "attention.head_count_kv", "attention.key_length",
        "attention.sliding_window", "attention.sliding_window_pattern", "attention.shared_kv_layers",
        "attention.kv_lora_rank", "attention.compress_ratios", "attention.indexer.key_length", "ssm.state_size",
        "attention.recurrent_layers", "nextn_predict_layers", "full_attention_interval", "wkv.head_size",
    )]),
    anything | st.integers(0, 12), max_size=12,
))  # fmt: skip
def test_any_metadata_of_a_gguf_file_is_described(metadata: dict[str, Any]) -> None:
    plan = plan_from_gguf({"general.architecture": "gemma4", **metadata})
    assert isinstance(plan.unknown, tuple)


@FUZZ
@given(st.sampled_from(STEMS), st.text("qxyz", min_size=3, max_size=6), values)
def test_a_key_of_attention_that_nobody_knows_is_not_understood(stem: str, rest: str, value: Any) -> None:
    key = f"{stem}_{rest}"
    assert not_understood({key: value}) == [key]
    assert not_understood({key: None}) == []


@pytest.mark.parametrize("key", ["csa_ratio", "nsa_block_size", "memory_tokens", "attention_span", "kv_evict_after",
                                 "loop_num", "delta_rank", "local_blocks", "mixer_types",
                                 "total_ut_steps", "num_recursions"])  # fmt: skip
def test_such_a_key_makes_cache_ceiling_and_verdict_unknown(key: str, tmp_path: Path) -> None:
    shapes, config = dense(**SMALL, tied=False)
    facts = weights.read(write_model(tmp_path, shapes, {**config, key: 4}))
    found = fit.fit(facts, context=1000, measured_gb_s=0.001, rate_tok_s=1e6)
    assert key in facts.cache.unknown[0]
    assert found.ceiling_tok_s is None
    assert found.chosen.plausibility is not None
    assert found.chosen.plausibility.verdict == "unknown"
    assert key in found.chosen.plausibility.text


def test_which_kernel_computes_attention_says_nothing_of_what_is_kept(tmp_path: Path) -> None:
    shapes, config = dense(**SMALL, tied=False)
    facts = weights.read(write_model(tmp_path, shapes, {**config, "use_flash_attention": True}))
    assert facts.cache.unknown == ()


def test_windows_in_a_list_are_named_as_such(tmp_path: Path) -> None:
    shapes, config = dense(**SMALL, tied=False)
    facts = weights.read(write_model(tmp_path, shapes, {**config, "model_type": "x", "sliding_window": [None, 512]}))
    assert all("a list of windows" in line for line in facts.cache.unknown)
    assert facts.as_dict()["kv_bytes_per_token"] is None


def test_a_tensor_of_attention_that_nobody_knows_makes_its_layer_unknown(tmp_path: Path) -> None:
    shapes, config = dense(**SMALL, tied=False)
    shapes["model.layers.1.self_attn.compressor.wkv.weight"] = ("BF16", (8, 64))
    shapes["model.layers.0.token_mixer.weight"] = ("BF16", (8, 64))
    facts = weights.read(write_model(tmp_path, shapes, config))
    assert len(facts.cache.unknown) == 2
    assert facts.as_dict()["kv_bytes_per_token"] is None


def test_it_may_see_as_long_as_a_tensor_is_not_explained(tmp_path: Path) -> None:
    shapes, config = dense(**SMALL, tied=False)
    shapes["model.wonder.weight"] = ("BF16", (64, 64))
    facts = weights.read(write_model(tmp_path / "a", shapes, {**config, "vision_config": {"depth": 2}}))
    assert any("one of them may be it" in note for note in facts.notes)
    del shapes["model.wonder.weight"]
    facts = weights.read(write_model(tmp_path / "b", shapes, {**config, "vision_config": {"depth": 2}}))
    assert any("it cannot see" in note for note in facts.notes)


TOWERS = """
    vpm.encoder.layers.0.self_attn.q_proj vision_tower.blocks.0.attn.qkv visual.proj model.visual.merger.mlp.0 mlp1.1
    multi_modal_projector.linear_1 resampler.attn.in_proj model.vision_embed_tokens.img_projection.0
    visual_tokenizer.head.0 model.vision_model.embeddings.patch_embedding model.mm_projector.0 model.connector.proj
""".split()  # noqa: SIM905


@pytest.mark.parametrize("name", TOWERS)
def test_a_tower_by_any_prefix_is_counted_apart(name: str, tmp_path: Path) -> None:
    shapes, config = dense(**SMALL, tied=False)
    plain = weights.read(write_model(tmp_path / "plain", shapes, config))
    shapes[f"{name}.weight"] = ("BF16", (32, 32))
    facts = weights.read(write_model(tmp_path / "seeing", shapes, {**config, "vision_config": {"depth": 2}}))
    assert facts.vision_tower.parameters == 1024
    assert facts.parameters_total == plain.parameters_total
    assert not facts.all_unknown
