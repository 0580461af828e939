"""What a configuration says of a model, in one shape for `config.json` and for GGUF metadata."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onbox.weights.gguf_header import Counted

# Models whose sliding window pattern is in the engine's code and not in the file: every n-th layer is full attention.
_FULL_EVERY = {"gemma2": 2, "gemma3": 6, "gemma3_text": 6, "gpt-oss": 2, "gpt_oss": 2, "cohere2": 4}
_ALL_SLIDING = ("mistral",)
_SLIDING_WORDS = ("sliding_attention", "sliding", "chunked_attention", "local")
FLOAT_BYTES = {"float32": 4, "float": 4, "float16": 2, "bfloat16": 2, "f32": 4, "f16": 2, "bf16": 2}


@dataclass(frozen=True)
class Architecture:
    """A model's dimensions. None where the configuration does not tell."""

    name: str
    layers: int
    hidden: int | None
    vocabulary: int | None
    context_length: int | None
    heads: int | None
    kv_heads: tuple[int, ...] | None
    """By layer."""
    head_dim_k: int | None
    head_dim_v: int | None
    mla_elements: int | None
    """Latent attention: elements kept for a token and layer (compressed KV and the rotary key)."""
    sliding_window: int | None
    sliding: tuple[bool, ...]
    """By layer: whether attention sees only the window."""
    experts: int | None
    top_k: int | None
    tied: bool | None
    """Whether lm_head is the embedding table; None where only the tensors tell."""
    state_inner: int | None
    """Recurrent layers: value heads x value dimension."""
    state_size: int | None
    """Recurrent layers: key dimension, or Mamba's state size."""
    state_groups: int | None
    state_conv: int | None
    state_bytes: int
    """Of one element of the recurrent state."""
    draft_layers: int
    """Layers for multi-token prediction, numbered behind the others."""
    draft_in_layers: bool
    """Whether `layers` counts them in."""
    vision: bool
    """Whether the configuration speaks of a vision tower."""
    audio: bool


def from_config(config: Mapping[str, Any]) -> Architecture:
    """Read a `config.json`; the language model's part where there are several."""
    text = next(
        (config[key] for key in ("text_config", "llm_config", "language_config") if isinstance(config.get(key), dict)),
        config,
    )
    get = _Getter(text)
    name = str(text.get("model_type") or config.get("model_type") or "unknown")
    heads = get.integer("num_attention_heads", "n_head", "n_heads")
    hidden = get.integer("hidden_size", "n_embd", "d_model")
    layers = get.integer("num_hidden_layers", "n_layer", "n_layers", "num_layers") or 0
    types = next((text[key] for key in ("layer_types", "layers_block_type") if isinstance(text.get(key), list)), None)
    pattern = text.get("hybrid_override_pattern")
    layers = layers or len(types or ()) or (len(pattern.replace("|", "")) if isinstance(pattern, str) else 0)
    head_dim = get.integer("head_dim", "attention_head_dim") or (hidden // heads if hidden and heads else None)
    kv_heads = get.integer("num_key_value_heads", "n_kv_heads", "num_kv_heads", "multi_query_group_num") or heads
    rank, rope = get.integer("kv_lora_rank"), get.integer("qk_rope_head_dim")
    window, sliding = _sliding(name, text, types, layers)
    linear = text.get("linear_attn_config") if isinstance(text.get("linear_attn_config"), dict) else {}
    delta_heads, delta_dim = get.integer("linear_num_value_heads"), get.integer("linear_value_head_dim")
    mamba_heads, mamba_dim = (
        get.integer("mamba_num_heads", "mamba_n_heads"),
        get.integer("mamba_head_dim", "mamba_d_head"),
    )
    kimi = _Getter(linear or {})
    inner = _product(delta_heads, delta_dim) or _product(mamba_heads, mamba_dim)
    expand = get.integer("mamba_expand", "expand")
    inner = inner or _product(kimi.integer("num_heads"), kimi.integer("head_dim"))
    if inner is None and get.integer("mamba_d_state", "ssm_state_size", "state_size"):
        inner = _product(expand, hidden)
    tied = text.get("tie_word_embeddings", config.get("tie_word_embeddings"))
    return Architecture(
        name=name,
        layers=layers,
        hidden=hidden,
        vocabulary=get.integer("vocab_size"),
        context_length=get.integer("max_position_embeddings", "n_positions", "max_seq_len"),
        heads=heads,
        kv_heads=(kv_heads,) * layers if kv_heads else None,
        head_dim_k=head_dim,
        head_dim_v=get.integer("v_head_dim") or head_dim,
        mla_elements=rank + rope if rank and rope is not None else None,
        sliding_window=window,
        sliding=sliding,
        experts=get.integer(
            "num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts", "num_moe_experts"
        ),
        top_k=get.integer("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_top_k", "moe_k"),
        tied=tied if isinstance(tied, bool) else None,
        state_inner=inner,
        state_size=get.integer("linear_key_head_dim", "ssm_state_size", "mamba_d_state", "state_size")
        or kimi.integer("head_dim"),
        state_groups=get.integer("linear_num_key_heads", "n_groups", "mamba_n_groups")
        or kimi.integer("num_heads")
        or 1,
        state_conv=get.integer("linear_conv_kernel_dim", "conv_kernel", "mamba_d_conv", "conv_L_cache")
        or kimi.integer("short_conv_kernel_size"),
        state_bytes=FLOAT_BYTES.get(str(text.get("mamba_ssm_cache_dtype") or text.get("mamba_ssm_dtype")), 4),
        draft_layers=get.integer("num_nextn_predict_layers", "mtp_num_hidden_layers") or 0,
        draft_in_layers=False,
        vision=isinstance(config.get("vision_config"), dict) or "mm_vision_tower" in config,
        audio=isinstance(config.get("audio_config"), dict),
    )


def from_gguf(metadata: Mapping[str, Any]) -> Architecture:
    """Read the metadata of a GGUF file; keys of the architecture carry its name as a prefix."""
    name = str(metadata.get("general.architecture", "unknown"))
    mine = {key[len(name) + 1 :]: value for key, value in metadata.items() if key.startswith(f"{name}.")}
    get = _Getter(mine)
    layers = get.integer("block_count") or 0
    hidden = get.integer("embedding_length")
    heads = get.integer("attention.head_count")
    head_dim = hidden // heads if hidden and heads else None
    kv_heads: int | list[int] | None = mine.get("attention.head_count_kv", heads)
    window = get.integer("attention.sliding_window")
    tokens = metadata.get("tokenizer.ggml.tokens")
    rank, rope = get.integer("attention.kv_lora_rank"), get.integer("rope.dimension_count")
    return Architecture(
        name=name,
        layers=layers,
        hidden=hidden,
        vocabulary=get.integer("vocab_size") or (tokens.length if isinstance(tokens, Counted) else None),
        context_length=get.integer("context_length"),
        heads=heads,
        kv_heads=_by_layer(kv_heads, layers),
        head_dim_k=get.integer("attention.key_length") or head_dim,
        head_dim_v=get.integer("attention.value_length") or head_dim,
        mla_elements=rank + rope if rank and rope is not None else None,
        sliding_window=window,
        sliding=_gguf_sliding(name, mine.get("attention.sliding_window_pattern"), layers)
        if window
        else (False,) * layers,
        experts=get.integer("expert_count"),
        top_k=get.integer("expert_used_count"),
        tied=None,
        state_inner=get.integer("ssm.inner_size"),
        state_size=get.integer("ssm.state_size"),
        state_groups=get.integer("ssm.group_count") or 1,
        state_conv=get.integer("ssm.conv_kernel", "shortconv.l_cache"),
        state_bytes=4,
        draft_layers=get.integer("nextn_predict_layers") or 0,
        draft_in_layers=True,
        vision=bool(metadata.get("clip.has_vision_encoder")),
        audio=bool(metadata.get("clip.has_audio_encoder")),
    )


class _Getter:
    """First whole number among several names for the same thing."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def integer(self, *names: str) -> int | None:
        for name in names:
            value = self._values.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
                return value
        return None


def _product(first: int | None, second: int | None) -> int | None:
    return first * second if first and second else None


def _by_layer(value: Any, layers: int) -> tuple[int, ...] | None:
    if isinstance(value, int):
        return (value,) * layers
    if isinstance(value, list) and len(value) >= layers and all(isinstance(each, int) for each in value):
        return tuple(value[:layers])
    return None


def _sliding(name: str, text: Mapping[str, Any], types: Any, layers: int) -> tuple[int | None, tuple[bool, ...]]:
    window = text.get("sliding_window") or text.get("attention_chunk_size")
    none = (False,) * layers
    if not isinstance(window, int) or text.get("use_sliding_window") is False:
        return None, none
    if types is not None and len(types) >= layers:
        return window, tuple(each in _SLIDING_WORDS for each in types[:layers])
    first = text.get("max_window_layers")
    if text.get("use_sliding_window") is True and isinstance(first, int):
        return window, tuple(layer >= first for layer in range(layers))
    every = text.get("sliding_window_pattern", _FULL_EVERY.get(name))
    if isinstance(every, int) and every > 0:
        return window, tuple((layer + 1) % every != 0 for layer in range(layers))
    return (window, (True,) * layers) if name in _ALL_SLIDING else (None, none)


def _gguf_sliding(name: str, pattern: Any, layers: int) -> tuple[bool, ...]:
    if isinstance(pattern, list) and len(pattern) >= layers:
        return tuple(bool(each) for each in pattern[:layers])
    every = pattern if isinstance(pattern, int) and pattern > 0 else _FULL_EVERY.get(name)
    return tuple((layer + 1) % every != 0 for layer in range(layers)) if every else (False,) * layers
