"""True headers without weights: sparse files with the names, types and shapes of published checkpoints.

Names and shapes follow the model code of transformers (gpt_oss, qwen3_5_moe, nemotron_h, gemma3, llama); dimensions are
those of the published configurations.
"""

import json
import struct
from math import prod
from pathlib import Path
from typing import Any

from onbox.weights.tensors import GGML_BLOCKS, SAFETENSORS_BITS

Shapes = dict[str, tuple[str, tuple[int, ...]]]


def header_bytes(tensors: Shapes) -> tuple[bytes, int]:
    """The header with its length in front, and the bytes of data that it describes."""
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, (dtype, shape) in tensors.items():
        end = offset + prod(shape) * SAFETENSORS_BITS[dtype] // 8
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, offset


def write_safetensors(path: Path, tensors: Shapes) -> int:
    """Write a sparse file; returns its size."""
    header, data_bytes = header_bytes(tensors)
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + data_bytes)
    return len(header) + data_bytes


def write_model(folder: Path, tensors: Shapes, config: dict[str, Any], shards: int = 1) -> Path:
    """A model folder as the hub holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    if shards == 1:
        write_safetensors(folder / "model.safetensors", tensors)
        return folder
    names = list(tensors)
    per_shard = -(-len(names) // shards)
    weight_map = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        mine = names[shard * per_shard : (shard + 1) * per_shard]
        write_safetensors(folder / file, {name: tensors[name] for name in mine})
        weight_map.update(dict.fromkeys(mine, file))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder


# ------------------------------------------------------------ models


def gpt_oss(layers: int = 36, experts: int = 128, *, hidden: int = 2880, vocab: int = 201088) -> tuple[Shapes, Any]:
    """openai/gpt-oss-120b and, with 24 layers and 32 experts, gpt-oss-20b."""
    heads, kv_heads, dim, inner = 64, 8, 64, hidden
    shapes: Shapes = {"model.embed_tokens.weight": ("BF16", (vocab, hidden))}
    for layer in range(layers):
        at = f"model.layers.{layer}"
        for name, rows, columns in (
            ("q_proj", heads * dim, hidden),
            ("k_proj", kv_heads * dim, hidden),
            ("v_proj", kv_heads * dim, hidden),
            ("o_proj", hidden, heads * dim),
        ):
            shapes[f"{at}.self_attn.{name}.weight"] = ("BF16", (rows, columns))
            shapes[f"{at}.self_attn.{name}.bias"] = ("BF16", (rows,))
        shapes[f"{at}.self_attn.sinks"] = ("BF16", (heads,))
        shapes[f"{at}.input_layernorm.weight"] = ("BF16", (hidden,))
        shapes[f"{at}.post_attention_layernorm.weight"] = ("BF16", (hidden,))
        shapes[f"{at}.mlp.router.weight"] = ("BF16", (experts, hidden))
        shapes[f"{at}.mlp.router.bias"] = ("BF16", (experts,))
        for name, rows in (("gate_up_proj", 2 * inner), ("down_proj", hidden)):
            shapes[f"{at}.mlp.experts.{name}_blocks"] = ("U8", (experts, rows, inner // 32, 16))
            shapes[f"{at}.mlp.experts.{name}_scales"] = ("U8", (experts, rows, inner // 32))
            shapes[f"{at}.mlp.experts.{name}_bias"] = ("BF16", (experts, rows))
    shapes["model.norm.weight"] = ("BF16", (hidden,))
    shapes["lm_head.weight"] = ("BF16", (vocab, hidden))
    config = {
        "architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "num_hidden_layers": layers,
        "num_local_experts": experts, "num_experts_per_tok": 4, "hidden_size": hidden, "intermediate_size": inner,
        "num_attention_heads": heads, "num_key_value_heads": kv_heads, "head_dim": dim, "vocab_size": vocab,
        "sliding_window": 128, "max_position_embeddings": 131072, "tie_word_embeddings": False,
        "layer_types": ["sliding_attention" if layer % 2 == 0 else "full_attention" for layer in range(layers)],
        "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn"]},
    }  # fmt: skip
    return shapes, config


def qwen36(*, vision: bool = True, mtp: bool = True) -> tuple[Shapes, Any]:
    """Qwen3.6-35B-A3B (`qwen3_5_moe`) in BF16."""
    hidden, vocab, experts, inner, layers = 2048, 248320, 256, 512, 40
    shapes: Shapes = {"model.language_model.embed_tokens.weight": ("BF16", (vocab, hidden))}

    def add(name: str, *shape: int, dtype: str = "BF16") -> None:
        shapes[name] = (dtype, shape)

    def moe(at: str) -> None:
        add(f"{at}.mlp.gate.weight", experts, hidden)
        add(f"{at}.mlp.experts.gate_up_proj", experts, 2 * inner, hidden)
        add(f"{at}.mlp.experts.down_proj", experts, hidden, inner)
        for name, shape in (
            ("gate_proj", (inner, hidden)),
            ("up_proj", (inner, hidden)),
            ("down_proj", (hidden, inner)),
        ):
            add(f"{at}.mlp.shared_expert.{name}.weight", *shape)
        add(f"{at}.mlp.shared_expert_gate.weight", 1, hidden)

    def attention(at: str) -> None:
        add(f"{at}.self_attn.q_proj.weight", 16 * 256 * 2, hidden)
        add(f"{at}.self_attn.k_proj.weight", 2 * 256, hidden)
        add(f"{at}.self_attn.v_proj.weight", 2 * 256, hidden)
        add(f"{at}.self_attn.o_proj.weight", hidden, 16 * 256)
        add(f"{at}.self_attn.q_norm.weight", 256)
        add(f"{at}.self_attn.k_norm.weight", 256)

    types = ["full_attention" if (layer + 1) % 4 == 0 else "linear_attention" for layer in range(layers)]
    for layer, kind in enumerate(types):
        at = f"model.language_model.layers.{layer}"
        add(f"{at}.input_layernorm.weight", hidden)
        add(f"{at}.post_attention_layernorm.weight", hidden)
        moe(at)
        if kind == "full_attention":
            attention(at)
            continue
        add(f"{at}.linear_attn.in_proj_qkv.weight", 2 * 16 * 128 + 32 * 128, hidden)
        add(f"{at}.linear_attn.in_proj_z.weight", 32 * 128, hidden)
        add(f"{at}.linear_attn.in_proj_b.weight", 32, hidden)
        add(f"{at}.linear_attn.in_proj_a.weight", 32, hidden)
        add(f"{at}.linear_attn.conv1d.weight", 2 * 16 * 128 + 32 * 128, 1, 4)
        add(f"{at}.linear_attn.dt_bias", 32)
        add(f"{at}.linear_attn.A_log", 32, dtype="F32")
        add(f"{at}.linear_attn.norm.weight", 128, dtype="F32")
        add(f"{at}.linear_attn.out_proj.weight", hidden, 32 * 128)
    add("model.language_model.norm.weight", hidden)
    add("lm_head.weight", vocab, hidden)
    if vision:
        add("model.visual.patch_embed.proj.weight", 1152, 3, 2, 16, 16)
        for block in range(27):
            add(f"model.visual.blocks.{block}.attn.qkv.weight", 3 * 1152, 1152)
            add(f"model.visual.blocks.{block}.mlp.linear_fc1.weight", 4304, 1152)
        add("model.visual.merger.linear_fc2.weight", hidden, 4608)
    if mtp:
        add("mtp.fc.weight", hidden, 2 * hidden)
        add("mtp.layers.0.input_layernorm.weight", hidden)
        attention("mtp.layers.0")
        moe("mtp.layers.0")
    text = {
        "model_type": "qwen3_5_moe_text", "num_hidden_layers": layers, "hidden_size": hidden, "vocab_size": vocab,
        "num_attention_heads": 16, "num_key_value_heads": 2, "head_dim": 256, "num_experts": experts,
        "num_experts_per_tok": 8, "moe_intermediate_size": inner, "shared_expert_intermediate_size": inner,
        "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_value_head_dim": 128,
        "linear_num_key_heads": 16, "linear_num_value_heads": 32, "layer_types": types,
        "max_position_embeddings": 262144, "tie_word_embeddings": False, "mtp_num_hidden_layers": 1,
    }  # fmt: skip
    return shapes, {"model_type": "qwen3_5_moe", "text_config": text, "vision_config": {"depth": 27}}


def nemotron(*, quantised: bool = False) -> tuple[Shapes, Any]:
    """Nemotron-3-Super-120B-A12B (`nemotron_h`), BF16, or NVFP4 experts with FP8 Mamba and an F32 router.

    40 Mamba2, 40 latent MoE and 8 attention layers; the order of the layers does not matter to any fact.
    """
    hidden, vocab, experts, latent, inner, shared = 4096, 131072, 512, 1024, 2688, 5376
    shapes: Shapes = {"backbone.embeddings.weight": ("BF16", (vocab, hidden))}

    def add(name: str, *shape: int, kind: str = "bf16") -> None:
        if kind == "nvfp4":
            shapes[f"{name}.weight"] = ("U8", (shape[0], shape[1] // 2))
            shapes[f"{name}.weight_scale"] = ("F8_E4M3", (shape[0], shape[1] // 16))
            shapes[f"{name}.weight_scale_2"] = ("F32", ())
            shapes[f"{name}.input_scale"] = ("F32", ())
        elif kind == "fp8":
            shapes[f"{name}.weight"] = ("F8_E4M3", shape)
            shapes[f"{name}.weight_scale"] = ("F32", ())
        else:
            shapes[f"{name}.weight"] = ("BF16", shape)

    def moe(at: str) -> None:
        small = "nvfp4" if quantised else "bf16"
        shapes[f"{at}.gate.weight"] = ("F32" if quantised else "BF16", (experts, hidden))
        shapes[f"{at}.gate.e_score_correction_bias"] = ("F32", (experts,))
        add(f"{at}.fc1_latent_proj", latent, hidden)
        add(f"{at}.fc2_latent_proj", hidden, latent)
        for expert in range(experts):
            add(f"{at}.experts.{expert}.up_proj", inner, latent, kind=small)
            add(f"{at}.experts.{expert}.down_proj", latent, inner, kind=small)
        add(f"{at}.shared_experts.up_proj", shared, hidden, kind=small)
        add(f"{at}.shared_experts.down_proj", hidden, shared, kind=small)

    pattern = "ME" * 40 + "*" * 8
    for layer, kind in enumerate(pattern):
        at = f"backbone.layers.{layer}.mixer"
        add(f"backbone.layers.{layer}.norm", hidden)
        if kind == "M":
            mamba = "fp8" if quantised else "bf16"
            add(f"{at}.in_proj", 2 * 8192 + 2 * 8 * 128 + 128, hidden, kind=mamba)
            add(f"{at}.out_proj", hidden, 8192, kind=mamba)
            add(f"{at}.conv1d", 8192 + 2 * 8 * 128, 1, 4)
            add(f"{at}.norm", 8192)
            for name in ("A_log", "D", "dt_bias"):
                shapes[f"{at}.{name}"] = ("F32", (128,))
        elif kind == "E":
            moe(at)
        else:
            for name, rows, columns in (("q", 4096, 4096), ("k", 256, 4096), ("v", 256, 4096), ("o", 4096, 4096)):
                add(f"{at}.{name}_proj", rows, columns)
    add("backbone.norm_f", hidden)
    add("lm_head", vocab, hidden)
    add("mtp.layers.0.eh_proj", hidden, 2 * hidden)
    config = {
        "model_type": "nemotron_h", "num_hidden_layers": 88, "hybrid_override_pattern": pattern, "hidden_size": hidden,
        "num_attention_heads": 32, "num_key_value_heads": 2, "head_dim": 128, "vocab_size": vocab,
        "n_routed_experts": experts, "num_experts_per_tok": 22, "moe_latent_size": latent,
        "mamba_num_heads": 128, "mamba_head_dim": 64, "ssm_state_size": 128, "n_groups": 8, "conv_kernel": 4,
        "mamba_ssm_cache_dtype": "float32", "tie_word_embeddings": False, "max_position_embeddings": 262144,
        "num_nextn_predict_layers": 1,
    }  # fmt: skip
    return shapes, config


def dense(
    *, layers: int, hidden: int, heads: int, kv_heads: int, dim: int, inner: int, vocab: int, tied: bool, **more: Any
) -> tuple[Shapes, Any]:
    """A dense model with Llama's names."""
    shapes: Shapes = {"model.embed_tokens.weight": ("BF16", (vocab, hidden))}
    for layer in range(layers):
        at = f"model.layers.{layer}"
        for name, rows, columns in (
            ("self_attn.q_proj", heads * dim, hidden),
            ("self_attn.k_proj", kv_heads * dim, hidden),
            ("self_attn.v_proj", kv_heads * dim, hidden),
            ("self_attn.o_proj", hidden, heads * dim),
            ("mlp.gate_proj", inner, hidden),
            ("mlp.up_proj", inner, hidden),
            ("mlp.down_proj", hidden, inner),
        ):
            shapes[f"{at}.{name}.weight"] = ("BF16", (rows, columns))
        shapes[f"{at}.input_layernorm.weight"] = ("BF16", (hidden,))
        shapes[f"{at}.post_attention_layernorm.weight"] = ("BF16", (hidden,))
    shapes["model.norm.weight"] = ("BF16", (hidden,))
    if not tied:
        shapes["lm_head.weight"] = ("BF16", (vocab, hidden))
    config = {
        "model_type": "llama", "num_hidden_layers": layers, "hidden_size": hidden, "num_attention_heads": heads,
        "num_key_value_heads": kv_heads, "head_dim": dim, "vocab_size": vocab, "tie_word_embeddings": tied,
        "max_position_embeddings": 131072, **more,
    }  # fmt: skip
    return shapes, config


# ------------------------------------------------------------ GGUF

_TYPE_NUMBERS = {name: number for number, (name, _, _) in GGML_BLOCKS.items()}


def gguf_string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def gguf_value(value: Any) -> bytes:
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + gguf_string(value)
    if value and isinstance(value[0], str):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(gguf_string(each) for each in value)
    return struct.pack("<IIQ", 9, 4, len(value)) + struct.pack(f"<{len(value)}I", *value)


def gguf_bytes(metadata: dict[str, Any], tensors: Shapes, version: int = 3) -> tuple[bytes, int]:
    """A header up to where the data begins, and the bytes of data; shapes slowest dimension first."""
    out = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata))
    for key, value in metadata.items():
        out += gguf_string(key) + gguf_value(value)
    offset = 0
    for name, (dtype, shape) in tensors.items():
        number = _TYPE_NUMBERS[dtype]
        _, block, block_bytes = GGML_BLOCKS[number]
        out += gguf_string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), number, offset)
        offset += -(-(prod(shape) // block * block_bytes) // 32) * 32
    return out + b"\0" * (-len(out) % 32), offset


def write_gguf(path: Path, metadata: dict[str, Any], tensors: Shapes) -> int:
    """Write a sparse GGUF file; returns its size."""
    header, data_bytes = gguf_bytes(metadata, tensors)
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + data_bytes)
    return len(header) + data_bytes
