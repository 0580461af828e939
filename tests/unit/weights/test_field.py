"""Models whose layout is newer than a plain transformer, with what is kept and read worked out by hand."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from onbox import fit, weights
from onbox.cli.commands import weights as command
from onbox.weights import Facts
from tests.unit.weights.checkpoints import Shapes, dense, gguf_bytes, gpt_oss, write_gguf, write_model
from tests.unit.weights.newer import deepseek, deepseek_v4, gemma4, kimi_linear

SPARK: dict[str, Any] = {"nominal_gb_s": 273.0}


def read(folder: Path, made: tuple[Shapes, dict[str, Any]]) -> Facts:
    return weights.read(write_model(folder, *made))


def kinds(facts: Facts) -> dict[str, int]:
    found: dict[str, int] = {}
    for layer in facts.cache.layers:
        found[layer.kind] = found.get(layer.kind, 0) + 1
    return found


def test_gemma_4_31b_has_one_projection_for_keys_and_values_and_keeps_both(tmp_path: Path) -> None:
    facts = read(tmp_path, gemma4(hidden=5376, inner=21504, layers=60, heads=32, kv_heads=16, full_heads=4, shared=0,
                                  window=1024, key_is_value=True))  # fmt: skip
    assert facts.as_dict()["kv_bytes_per_token"] == 10 * 4 * 2 * 512 * 2 == 81_920
    assert kinds(facts) == {"sliding 1024": 50, "full": 10}


def test_gemma_4_e4b_keeps_24_layers_and_reads_42(tmp_path: Path) -> None:
    facts = read(tmp_path, gemma4(hidden=2560, inner=10240, layers=42, heads=8, kv_heads=2, full_heads=2, shared=18,
                                  window=512, key_is_value=False))  # fmt: skip
    kv = facts.as_dict(4096)["kv"]
    assert kv["kept_bytes_per_token"] == 4 * 2 * 2 * 512 * 2 == 16_384
    assert kv["kept_bytes_at_depth"] == 4 * 4096 * 4096 + 20 * 512 * 2048
    assert kv["read_bytes_per_step"] == 7 * 4096 * 4096 + 35 * 512 * 2048
    assert facts.cache.layers[41].kind == "full, shared with layer 23"


def test_top_k_under_gemmas_own_name(tmp_path: Path) -> None:
    facts = read(tmp_path, gemma4(hidden=2816, inner=2112, layers=30, heads=16, kv_heads=8, full_heads=2, shared=0,
                                  window=1024, key_is_value=True, experts=(128, 8, 704)))  # fmt: skip
    assert (facts.experts, facts.top_k) == (128, 8)
    assert facts.parameters_active / 1e9 == pytest.approx(3.82, abs=0.01)
    assert facts.as_dict()["kv_bytes_per_token"] == 20_480


def test_kimi_linear_keeps_7_layers_and_a_state(tmp_path: Path) -> None:
    facts = read(tmp_path, kimi_linear())
    assert facts.as_dict()["kv_bytes_per_token"] == 7 * 576 * 2 == 8_064
    assert facts.state is not None
    assert facts.state.layers == 20
    assert facts.state.recurrent_bytes == 20 * 32 * 128 * 128 * 4 == 41_943_040
    assert facts.state.conv_bytes == 20 * 3 * 4096 * 3 * 2
    claim = fit.fit(facts, context=1_000_000, rate_tok_s=15.0, **SPARK)
    assert claim.chosen.plausibility is not None
    assert claim.chosen.plausibility.verdict == "below_ceiling"
    assert claim.ceiling_tok_s == pytest.approx(19, abs=0.5)


def test_deepseek_v3_2_keeps_indexer_keys_and_reads_2048_tokens(tmp_path: Path) -> None:
    facts = read(tmp_path, deepseek(layers=61, indexer=(64, 128)))
    kv = facts.as_dict(131072)["kv"]
    assert kv["kept_bytes_per_token"] == 61 * (576 * 2 + 132)
    assert kv["read_bytes_per_step"] == 61 * (2048 * 576 * 2 + 131072 * 132)
    assert kv["read_bytes_per_step"] / 1e9 == pytest.approx(1.2, abs=0.01)


def test_layers_that_share_an_index_keep_none(tmp_path: Path) -> None:
    shapes, config = deepseek(layers=4, indexer=(32, 128))
    config["indexer_types"] = ["full", "shared", "shared", "full"]
    facts = read(tmp_path, (shapes, config))
    assert facts.as_dict()["kv_bytes_per_token"] == 4 * 576 * 2 + 2 * 132


def test_an_indexer_in_the_tensors_alone_is_unknown(tmp_path: Path) -> None:
    shapes, config = deepseek(layers=2, indexer=(64, 128))
    del config["index_topk"], config["index_head_dim"], config["index_n_heads"]
    facts = read(tmp_path, (shapes, config))
    assert facts.as_dict()["kv_bytes_per_token"] is None
    assert "indexer" in facts.cache.unknown[0]


def test_deepseek_v4_flash_is_read_with_its_packing_and_ratios(tmp_path: Path) -> None:
    facts = read(tmp_path, deepseek_v4())
    assert not facts.all_unknown
    groups = {(group.part, group.dtype) for group in facts.groups if group.matrices}
    assert ("experts", "mxfp4") in groups
    assert facts.parameters_active / 1e9 == pytest.approx(13, abs=0.5)
    # 21 layers of ratio 4 with an indexer, 20 of ratio 128, 2 of none; each with a window of 128 entries of 512
    kept = 21 * (1024 + 132) / 4 + 20 * 1024 / 128
    assert facts.cache.grown_bytes() == pytest.approx(kept)
    read_at = 43 * 128 * 1024 + 21 * (512 * 1024 + 131072 // 4 * 132) + 20 * 131072 // 128 * 1024
    assert facts.cache.read_bytes(131072) == read_at


def olmo3_gguf(folder: Path, **more: Any) -> Path:
    """OLMo-3-7B as GGUF: the architecture is olmo2, and the file states a window and no pattern."""
    layers, hidden, heads = 32, 4096, 32
    tensors: Shapes = {"token_embd.weight": ("Q8_0", (100278, hidden)), "output.weight": ("Q8_0", (100278, hidden))}
    for layer in range(layers):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensors[f"blk.{layer}.{name}.weight"] = ("Q8_0", (hidden, hidden))
        for name in ("ffn_gate", "ffn_up", "ffn_down"):
            shape = (hidden, 11008) if name == "ffn_down" else (11008, hidden)
            tensors[f"blk.{layer}.{name}.weight"] = ("Q8_0", shape)
    metadata = {
        "general.architecture": "olmo2", "olmo2.block_count": layers, "olmo2.embedding_length": hidden,
        "olmo2.attention.head_count": heads, "olmo2.attention.head_count_kv": heads, "olmo2.context_length": 65536,
        "olmo2.attention.sliding_window": 4096, **more,
    }  # fmt: skip
    write_gguf(folder / "olmo-3-7b.gguf", metadata, tensors)
    return folder / "olmo-3-7b.gguf"


def test_olmo_3_slides_as_llama_cpp_has_it(tmp_path: Path) -> None:
    facts = weights.read(olmo3_gguf(tmp_path))
    assert kinds(facts) == {"sliding 4096": 24, "full": 8}
    assert facts.as_dict()["kv_bytes_per_token"] == 131_072
    claim = fit.fit(facts, context=65536, rate_tok_s=12.0, **SPARK).chosen.plausibility
    assert claim is not None
    assert claim.verdict == "below_ceiling"
    assert claim.share_of_nominal == pytest.approx(0.77, abs=0.03)


def test_a_window_without_a_pattern_of_an_unknown_architecture_is_unknown(tmp_path: Path) -> None:
    path = olmo3_gguf(tmp_path, **{"general.architecture": "olmo9"})
    with path.open("r+b") as file:  # of gigabytes, all but its header a hole
        raw = file.read(4_000_000).replace(b"olmo2.", b"olmo9.")
        file.seek(0)
        file.write(raw)
    facts = weights.read(path)
    assert facts.as_dict()["kv_bytes_per_token"] is None
    claim = fit.fit(facts, context=65536, rate_tok_s=12.0, **SPARK)
    assert (claim.ceiling_tok_s, claim.chosen.ceiling_nominal_tok_s) == (None, None)
    assert claim.chosen.bound is not None
    assert claim.chosen.bound.leans == "at_most"
    assert claim.chosen.plausibility is not None
    assert claim.chosen.plausibility.verdict == "unknown"
    assert claim.as_dict()["kv"]["unknown"]


def test_fits_is_not_shown_of_a_cache_that_is_not_known(tmp_path: Path) -> None:
    shapes, config = dense(layers=2, hidden=64, heads=4, kv_heads=2, dim=16, inner=128, vocab=1000, tied=False)
    facts = read(tmp_path, (shapes, {**config, "model_type": "newest", "wonder_attention_span": 7}))
    assert facts.cache.unknown == ("the configuration has keys of attention that are not known: wonder_attention_span",)
    roomy = fit.fit(facts, place=fit.AvailableMemory(1 << 40, 0, "host memory")).memory
    tight = fit.fit(facts, place=fit.AvailableMemory(1 << 20, 0, "host memory")).memory
    assert (roomy.fits, tight.fits) == (None, False)
    assert "at least" in roomy.text


def test_two_that_disagree_are_both_reported(tmp_path: Path) -> None:
    shapes, config = dense(layers=2, hidden=64, heads=4, kv_heads=2, dim=16, inner=128, vocab=1000, tied=False)
    facts = read(tmp_path, (shapes, {**config, "num_key_value_heads": 1}))
    assert facts.cache.unknown == ("layers 0-1: 32 elements a token by the configuration, 64 by the tensors",)


def test_a_type_of_a_fork_is_sized_by_offsets(tmp_path: Path) -> None:
    tensors: Shapes = {"token_embd.weight": ("F16", (64, 256)), "blk.0.ffn_up.weight": ("F32", (64, 256)),
                       "output.weight": ("F16", (64, 256))}  # fmt: skip
    header, size = gguf_bytes({"general.architecture": "llama", "llama.block_count": 1}, tensors)
    kind = header.index(b"blk.0.ffn_up.weight") + len(b"blk.0.ffn_up.weight") + 4 + 16
    path = tmp_path / "fork.gguf"
    path.write_bytes(header[:kind] + (138).to_bytes(4, "little") + header[kind + 4 :] + b"\0" * size)
    facts = weights.read(path)
    assert facts.tensor_bytes == size
    assert any("type 138" in note and "fork" in note for note in facts.notes)
    assert ("mlp", "fork-type-138") in {(group.part, group.dtype) for group in facts.groups}


def test_a_rate_above_what_the_owner_says_of_memory_is_impossible(tmp_path: Path) -> None:
    facts = read(tmp_path, gpt_oss())
    given = fit.fit(facts, measured_gb_s=273.0, rate_tok_s=59.5, exact=True).chosen.plausibility
    measured = fit.fit(facts, measured_gb_s=273.0, rate_tok_s=59.5).chosen.plausibility
    assert given is not None
    assert measured is not None
    assert given.verdict == "impossible"
    assert "109% of the bandwidth given" in given.text
    assert measured.verdict == "at_ceiling"  # a measurement has a margin


def test_a_name_with_markup_is_printed_as_it_is(tmp_path: Path) -> None:
    shapes, config = dense(layers=2, hidden=64, heads=4, kv_heads=2, dim=16, inner=128, vocab=1000, tied=False)
    folder = write_model(tmp_path, shapes, {**config, "model_type": "x[/bold]y"})
    result = CliRunner().invoke(command.command, [str(folder)])
    assert result.exit_code == 0
    assert "x[/bold]y" in result.output
    assert (
        json.loads(CliRunner().invoke(command.command, [str(folder), "--json"]).stdout)["architecture"] == "x[/bold]y"
    )
