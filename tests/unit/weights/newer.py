"""True headers of models with newer layouts: names and shapes of their published checkpoints, layer by layer."""

from typing import Any

from tests.unit.weights.checkpoints import Shapes

Made = tuple[Shapes, dict[str, Any]]


def mlp(shapes: Shapes, at: str, hidden: int, inner: int) -> None:
    shapes[f"{at}gate_proj.weight"] = shapes[f"{at}up_proj.weight"] = ("BF16", (inner, hidden))
    shapes[f"{at}down_proj.weight"] = ("BF16", (hidden, inner))


def grouped(shapes: Shapes, at: str, hidden: int, heads: int, kv_heads: int, dim: int, *, values: bool = True) -> None:
    shapes[f"{at}q_proj.weight"] = ("BF16", (heads * dim, hidden))
    shapes[f"{at}k_proj.weight"] = ("BF16", (kv_heads * dim, hidden))
    if values:
        shapes[f"{at}v_proj.weight"] = ("BF16", (kv_heads * dim, hidden))
    shapes[f"{at}o_proj.weight"] = ("BF16", (hidden, heads * dim))
    shapes[f"{at}q_norm.weight"] = shapes[f"{at}k_norm.weight"] = ("BF16", (dim,))


def latent(shapes: Shapes, at: str, hidden: int, heads: int, query_rank: int | None) -> None:
    """Multi-head latent attention with DeepSeek's sizes: rank 512, 64 rotary, heads of 128."""
    if query_rank:
        shapes[f"{at}q_a_proj.weight"] = ("BF16", (query_rank, hidden))
        shapes[f"{at}q_a_layernorm.weight"] = ("BF16", (query_rank,))
        shapes[f"{at}q_b_proj.weight"] = ("BF16", (heads * 192, query_rank))
    else:
        shapes[f"{at}q_proj.weight"] = ("BF16", (heads * 192, hidden))
    shapes[f"{at}kv_a_proj_with_mqa.weight"] = ("BF16", (576, hidden))
    shapes[f"{at}kv_a_layernorm.weight"] = ("BF16", (512,))
    shapes[f"{at}kv_b_proj.weight"] = ("BF16", (heads * 256, 512))
    shapes[f"{at}o_proj.weight"] = ("BF16", (hidden, heads * 128))


def gemma4(*, hidden: int, inner: int, layers: int, heads: int, kv_heads: int, full_heads: int, shared: int,
           window: int, key_is_value: bool, experts: tuple[int, int, int] | None = None) -> Made:  # fmt: skip
    """Gemma 4: full layers have heads of 512, sliding ones of 256; the last `shared` layers keep nothing."""
    shapes: Shapes = {}
    vocab = 262144
    before = "model.language_model."
    types = []
    for layer in range(layers):
        full = (layer + 1) % 6 == 0 or layer == layers - 1
        types.append("full_attention" if full else "sliding_attention")
        at = f"{before}layers.{layer}."
        if full:
            grouped(shapes, f"{at}self_attn.", hidden, heads, full_heads, 512, values=not key_is_value)
        else:
            grouped(shapes, f"{at}self_attn.", hidden, heads, kv_heads, 256)
        mlp(shapes, f"{at}mlp.", hidden, inner)
        for name in ("input", "post_attention", "pre_feedforward", "post_feedforward"):
            shapes[f"{at}{name}_layernorm.weight"] = ("BF16", (hidden,))
        shapes[f"{at}layer_scalar"] = ("BF16", (1,))
        if experts:
            count, _, small = experts
            shapes[f"{at}router.proj.weight"] = ("BF16", (count, hidden))
            shapes[f"{at}router.scale"] = ("BF16", (hidden,))
            shapes[f"{at}router.per_expert_scale"] = ("BF16", (count,))
            shapes[f"{at}experts.gate_up_proj"] = ("BF16", (count, 2 * small, hidden))
            shapes[f"{at}experts.down_proj"] = ("BF16", (count, hidden, small))
    shapes[f"{before}embed_tokens.weight"] = ("BF16", (vocab, hidden))
    shapes[f"{before}norm.weight"] = ("BF16", (hidden,))
    text = {
        "model_type": "gemma4_text", "attention_k_eq_v": key_is_value, "enable_moe_block": bool(experts),
        "global_head_dim": 512, "head_dim": 256, "hidden_size": hidden, "layer_types": types,
        "max_position_embeddings": 262144, "num_attention_heads": heads, "num_hidden_layers": layers,
        "num_global_key_value_heads": full_heads if key_is_value else None, "num_key_value_heads": kv_heads,
        "num_kv_shared_layers": shared, "sliding_window": window, "tie_word_embeddings": True, "vocab_size": vocab,
    }  # fmt: skip
    if experts:
        text |= {"num_experts": experts[0], "top_k_experts": experts[1], "moe_intermediate_size": experts[2]}
    return shapes, {"model_type": "gemma4", "text_config": text}


def deepseek(*, layers: int, indexer: tuple[int, int] | None = None, hidden: int = 7168, heads: int = 128) -> Made:
    """DeepSeek V3's attention, and with `indexer` (heads, size) V3.2's; a small dense MLP stands for the experts."""
    shapes: Shapes = {"model.embed_tokens.weight": ("BF16", (1000, hidden)), "lm_head.weight": ("BF16", (1000, hidden))}
    for layer in range(layers):
        at = f"model.layers.{layer}."
        latent(shapes, f"{at}self_attn.", hidden, heads, 1536)
        mlp(shapes, f"{at}mlp.", hidden, 128)
        if indexer:
            index = f"{at}self_attn.indexer."
            shapes[f"{index}wq_b.weight"] = ("BF16", (indexer[0] * indexer[1], 1536))
            shapes[f"{index}wk.weight"] = ("BF16", (indexer[1], hidden))
            shapes[f"{index}k_norm.weight"] = shapes[f"{index}k_norm.bias"] = ("BF16", (indexer[1],))
            shapes[f"{index}weights_proj.weight"] = ("BF16", (indexer[0], hidden))
    config: dict[str, Any] = {
        "model_type": "deepseek_v32" if indexer else "deepseek_v3", "hidden_size": hidden, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": heads, "q_lora_rank": 1536, "kv_lora_rank": 512,
        "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "max_position_embeddings": 163840,
    }  # fmt: skip
    if indexer:
        config |= {"index_n_heads": indexer[0], "index_head_dim": indexer[1], "index_topk": 2048}
    return shapes, config


def kimi_linear() -> Made:
    """Kimi-Linear-48B-A3B: 7 layers of latent attention (counted from 1), 20 of Kimi Delta Attention."""
    hidden, layers, experts, full = 2304, 27, 256, [4, 8, 12, 16, 20, 24, 27]
    shapes: Shapes = {"model.embed_tokens.weight": ("BF16", (163840, hidden)),
                      "lm_head.weight": ("BF16", (163840, hidden))}  # fmt: skip
    for layer in range(layers):
        at, attention = f"model.layers.{layer}.", f"model.layers.{layer}.self_attn."
        if layer + 1 in full:
            latent(shapes, attention, hidden, 32, None)
        else:
            for name in "qkv":
                shapes[f"{attention}{name}_proj.weight"] = ("BF16", (4096, hidden))
                shapes[f"{attention}{name}_conv1d.weight"] = ("BF16", (4096, 1, 4))
            shapes[f"{attention}A_log"] = ("F32", (1, 1, 32, 1))
            shapes[f"{attention}dt_bias"] = ("F32", (4096,))
            for name in ("f", "g"):
                shapes[f"{attention}{name}_a_proj.weight"] = ("BF16", (128, hidden))
                shapes[f"{attention}{name}_b_proj.weight"] = ("BF16", (4096, 128))
            shapes[f"{attention}b_proj.weight"] = ("BF16", (32, hidden))
            shapes[f"{attention}o_norm.weight"] = ("BF16", (128,))
            shapes[f"{attention}o_proj.weight"] = ("BF16", (hidden, 4096))
        if layer == 0:
            mlp(shapes, f"{at}mlp.", hidden, 9216)
            continue
        moe = f"{at}block_sparse_moe."
        shapes[f"{moe}gate.weight"] = ("BF16", (experts, hidden))
        for expert in range(experts):
            for name, shape in (("w1", (1024, hidden)), ("w2", (hidden, 1024)), ("w3", (1024, hidden))):
                shapes[f"{moe}experts.{expert}.{name}.weight"] = ("BF16", shape)
        mlp(shapes, f"{moe}shared_experts.", hidden, 1024)
    config = {
        "model_type": "kimi_linear", "hidden_size": hidden, "head_dim": 72, "num_hidden_layers": layers,
        "num_attention_heads": 32, "num_key_value_heads": 32, "kv_lora_rank": 512, "q_lora_rank": None,
        "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "mla_use_nope": True,
        "num_experts": experts, "num_experts_per_token": 8, "model_max_length": 1048576, "tie_word_embeddings": False,
        "linear_attn_config": {"full_attn_layers": full, "kda_layers": [n for n in range(1, 28) if n not in full],
                               "head_dim": 128, "num_heads": 32, "short_conv_kernel_size": 4},
    }  # fmt: skip
    return shapes, config


def deepseek_v4() -> Made:
    """DeepSeek V4 Flash: FP4 experts in I8 with E8M0 scales named `.scale`, an I64 table, compressed attention."""
    shapes: Shapes = {}
    hidden, layers = 4096, 43

    def fp8(name: str, rows: int, columns: int) -> None:
        shapes[f"{name}.weight"] = ("F8_E4M3", (rows, columns))
        shapes[f"{name}.scale"] = ("F8_E8M0", (-(-rows // 128), -(-columns // 128)))

    for layer in range(layers + 1):
        at = f"layers.{layer}." if layer < layers else "mtp.0."
        for name, rows, columns in (("wq_a", 1024, hidden), ("wq_b", 64 * 512, 1024), ("wkv", 512, hidden),
                                    ("wo_a", 8 * 1024, 4096), ("wo_b", hidden, 8192)):  # fmt: skip
            fp8(f"{at}attn.{name}", rows, columns)
        shapes[f"{at}attn.kv_norm.weight"] = ("BF16", (512,))
        shapes[f"{at}attn.attn_sink"] = ("F32", (64,))
        if 2 <= layer < layers:
            width = 1024 if layer % 2 == 0 else 512
            for name in ("wkv", "wgate"):
                shapes[f"{at}attn.compressor.{name}.weight"] = ("BF16", (width, hidden))
            if layer % 2 == 0:
                fp8(f"{at}attn.indexer.wq_b", 64 * 128, 1024)
                shapes[f"{at}attn.indexer.compressor.wkv.weight"] = ("BF16", (256, hidden))
        for kind in ("attn", "ffn"):
            shapes[f"{at}hc_{kind}_fn"] = ("F32", (24, 4 * hidden))
            shapes[f"{at}hc_{kind}_scale"] = ("F32", (3,))
        shapes[f"{at}ffn.gate.weight"] = ("BF16", (256, hidden))
        if layer < 3:
            shapes[f"{at}ffn.gate.tid2eid"] = ("I64", (129280, 6))
        for name, rows, columns in (("w1", 2048, hidden), ("w2", hidden, 2048), ("w3", 2048, hidden)):
            for expert in range(256):
                shapes[f"{at}ffn.experts.{expert}.{name}.weight"] = ("I8", (rows, columns // 2))
                shapes[f"{at}ffn.experts.{expert}.{name}.scale"] = ("F8_E8M0", (rows, columns // 32))
            fp8(f"{at}ffn.shared_experts.{name}", rows, columns)
    shapes["embed.weight"] = shapes["head.weight"] = ("BF16", (129280, hidden))
    shapes["norm.weight"] = ("BF16", (hidden,))
    config = {
        "model_type": "deepseek_v4", "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": 64,
        "num_key_value_heads": 1, "head_dim": 512, "q_lora_rank": 1024, "qk_rope_head_dim": 64, "o_groups": 8,
        "o_lora_rank": 1024, "n_routed_experts": 256, "num_experts_per_tok": 6, "n_shared_experts": 1,
        "sliding_window": 128, "index_n_heads": 64, "index_head_dim": 128, "index_topk": 512,
        "compress_ratios": [0, 0] + [4, 128] * 20 + [4], "num_nextn_predict_layers": 1, "vocab_size": 129280,
        "max_position_embeddings": 1048576, "expert_dtype": "fp4",
        "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]},
    }  # fmt: skip
    return shapes, config
