"""What `config.json` says that each layer keeps: lists by layer first, then what engines hard-code by model type."""

from collections.abc import Mapping
from typing import Any

from onbox.weights.cache import Entries
from onbox.weights.config_states import state_shape
from onbox.weights.config_types import layer_types
from onbox.weights.config_values import Values, language_model, number_of_layers
from onbox.weights.hard_coded import EXPANDED_LATENT, NOT_DECODERS, ONE_STEP_IS_NO_TOKEN
from onbox.weights.known_keys import not_understood
from onbox.weights.plans import Attention, CachePlan, LayerPlan

LINEAR_NEEDS = "recurrent, but the configuration does not tell the size of its state"
_HEAD_KEYS = ("num_key_value_heads_per_layer", "num_key_value_heads", "n_kv_heads", "num_kv_heads",
              "multi_query_group_num", "num_attention_groups", "n_head_kv")  # fmt: skip
INDEXER_SCALE_BYTES = 4
"""An indexer key is kept in fp8 with one 32-bit scale (models/deepseek_v2.py, DeepseekV32IndexerCache)."""


def plan_from_config(config: Mapping[str, Any]) -> CachePlan:
    """Describe each layer; what is not understood is said, never assumed."""
    text = language_model(config)
    name = str(text.get("model_type") or config.get("model_type") or "unknown")
    unknown = _whole_model(name, config, text)
    overrides = text.get("per_layer_config")
    more = [each for each in overrides.values() if isinstance(each, dict)] if isinstance(overrides, dict) else []
    keys = sorted({key for each in (text, *more) for key in not_understood(each)})
    if keys:
        unknown.append(f"the configuration has keys of attention that are not known: {', '.join(keys)}")
    layers = number_of_layers(text)
    if not layers:
        unknown.append("the configuration does not say how many layers there are")
    types, source, complaint = layer_types(name, text, layers)
    if complaint:
        unknown.append(complaint)
    described = [_layer(name, text, layer, kind, source) for layer, kind in enumerate(types)]
    return CachePlan(tuple(_shared(text, types, described)), tuple(unknown), state_shape(name, text), _experts(text))


def _whole_model(name: str, config: Mapping[str, Any], text: Mapping[str, Any]) -> list[str]:
    found = []
    if name in NOT_DECODERS or (text.get("is_decoder") is False and name in NOT_DECODERS):
        found.append(f"{name} encodes: it makes no tokens one by one, and keeps no cache between them")
    if name in ONE_STEP_IS_NO_TOKEN:
        found.append(f"{name} is a text diffusion model: a step is not a token, and what is kept hangs on the engine")
    if config.get("is_encoder_decoder") is True or text.get("is_encoder_decoder") is True:
        found.append("an encoder and a decoder: what cross attention keeps of the input is not counted")
    return found


def _layer(name: str, text: Mapping[str, Any], layer: int, kind: str, source: str) -> LayerPlan:
    """One layer of a kind as `layer_types` gives it."""
    text = _with_overrides(text, layer)
    stated = not source.startswith("assumed")
    mixers = set(kind.split("+"))
    state = None
    if "recurrent" in mixers:
        state = state_shape(name, text)
        if state is None:
            return LayerPlan(source=source, unknown=LINEAR_NEEDS, stated=stated)
    if mixers <= {"recurrent", "none"}:
        return LayerPlan(state=state, source=source, stated=stated)
    attends = mixers - {"recurrent"}
    word = next(iter(attends))
    if len(attends) > 1 or word.startswith("unknown:"):
        return LayerPlan(source=source, unknown=word.removeprefix("unknown:"), stated=stated)
    attention = _attention(name, text, layer, word)
    if isinstance(attention, str):
        return LayerPlan(source=source, unknown=attention, stated=stated)
    return LayerPlan(attention, state, source, stated=stated)


def _with_overrides(text: Mapping[str, Any], layer: int) -> Mapping[str, Any]:
    """`per_layer_config` gives layers, by number or by kind, values of their own (transformers from 5.19)."""
    overrides = text.get("per_layer_config")
    if not isinstance(overrides, dict):
        return text
    types = text.get("layer_types")
    kind = types[layer] if isinstance(types, list) and layer < len(types) else None
    found = dict(text)
    for key, values in overrides.items():
        mine = key == kind or (isinstance(key, str) and key.isdecimal() and int(key) == layer)
        if mine and isinstance(values, dict):
            found |= values
    return found


def _attention(name: str, text: Mapping[str, Any], layer: int, word: str) -> Attention | str:
    get = Values(text)
    if word.startswith("compressed:"):
        return _compressed(text, int(word.partition(":")[2]))
    window = int(word.partition(":")[2]) if word.startswith("sliding:") else None
    chunk = int(word.partition(":")[2]) if word.startswith("chunked:") else None
    rank, rope = get.integer("kv_lora_rank"), get.integer("qk_rope_head_dim")
    times = 2 if name.startswith("longcat_flash") else 1
    if rank and name in EXPANDED_LATENT:
        size = (get.integer("qk_nope_head_dim") or 0) + (rope or 0)
        return Attention(get.integer("num_attention_heads"), size or None, size or None, window=window)
    if rank:
        if rope is None:
            return "latent attention (kv_lora_rank), but qk_rope_head_dim is missing"
        indexed = _indexer(text, layer, forced=word == "indexed")
        if isinstance(indexed, str):
            return indexed
        return Attention(latent=rank + rope, window=window, chunk=chunk, times=times,
                         extra=indexed[0], top=indexed[1])  # fmt: skip
    if word == "indexed" or get.integer("index_topk"):
        return "an indexer picks tokens, but not beside latent attention: this version does not know what it keeps"
    heads, dim_k, dim_v = _heads(name, text, layer, sliding=window is not None)
    explicit = get.integer("head_dim") is not None and any(key in text for key in _HEAD_KEYS)
    full_only = window is None and text.get("attention_k_eq_v") is True
    queries = get.integer("num_attention_heads", "n_head", "n_heads")
    return Attention(heads, dim_k, dim_v, window=window, chunk=chunk, times=times, explicit=explicit,
                     queries=queries, key_is_value=full_only)  # fmt: skip


def _heads(name: str, text: Mapping[str, Any], layer: int, *, sliding: bool) -> tuple[int | None, ...]:
    """KV heads and their sizes; windows may have their own (MiMo, Gemma 4, Inkling)."""
    get = Values(text)
    layers = number_of_layers(text)
    queries = get.integer("num_attention_heads", "n_head", "n_heads", "num_heads")
    hidden = get.integer("hidden_size", "n_embd", "d_model", "attention_hidden_size")
    size = get.integer("head_dim", "attention_head_dim", "kv_channels")
    size = size or (hidden // queries if hidden and queries else None)
    counts = get.by_layer(layers, *_HEAD_KEYS)
    heads = counts[layer] if counts else queries
    if text.get("multi_query") is True and text.get("new_decoder_architecture") is not True:
        heads = 1
    if isinstance(text.get("attn_config"), dict):
        heads = Values(text["attn_config"]).integer("kv_n_heads") or heads
    blocks = text.get("block_configs")
    if isinstance(blocks, list) and layer < len(blocks) and queries:
        group = Values(blocks[layer].get("attention") if isinstance(blocks[layer], dict) else None).integer(
            "n_heads_in_group")  # fmt: skip
        heads = queries // group if group else heads
    dim_k, dim_v = size, get.integer("v_head_dim") or size
    if sliding:
        heads = get.integer("swa_num_key_value_heads") or heads
        dim_k = get.integer("swa_head_dim") or dim_k
        dim_v = get.integer("swa_v_head_dim") or get.integer("swa_head_dim") or dim_v
    elif get.integer("global_head_dim"):
        dim_k = dim_v = get.integer("global_head_dim")
        if text.get("attention_k_eq_v") is True:
            heads = get.integer("num_global_key_value_heads") or heads
    return heads, dim_k, dim_v


def _indexer(text: Mapping[str, Any], layer: int, *, forced: bool) -> tuple[tuple[Entries, ...], int | None] | str:
    """Keys that an indexer keeps beside latent attention, and how many tokens it lets a step read."""
    get = Values(text)
    size, top = get.integer("index_head_dim"), get.integer("index_topk")
    if not size and not top:
        return "an indexer picks tokens, but its sizes are missing" if forced else ((), None)
    if not size or not top:
        return "an indexer picks tokens, but index_head_dim or index_topk is missing"
    types = text.get("indexer_types")
    own = not (isinstance(types, list) and layer < len(types) and types[layer] == "shared")
    entries = (Entries(0, fixed_bytes=size + INDEXER_SCALE_BYTES),) if own else ()
    return entries, top


def _compressed(text: Mapping[str, Any], every: int) -> Attention | str:
    """DeepSeek V4: a window of whole entries, and beside it one entry for `every` tokens; ratio 4 has an indexer too.

    Source: models/deepseek_v4 of both readers of configurations (`sources.py`).
    """
    get = Values(text)
    size, window = get.integer("head_dim"), get.integer("sliding_window")
    if not size or not window:
        return "compressed attention, but head_dim or sliding_window is missing"
    if every == 0:
        return Attention(latent=size, window=window)
    if every > 4:
        return Attention(latent=size, window=window, extra=(Entries(size, every=every),))
    key, top = get.integer("index_head_dim"), get.integer("index_topk")
    if not key or not top:
        return "compressed attention with an indexer, but index_head_dim or index_topk is missing"
    indexer = (Entries(size, every=every, top=top), Entries(0, fixed_bytes=key + INDEXER_SCALE_BYTES, every=every))
    return Attention(latent=size, window=window, extra=indexer)


def _shared(text: Mapping[str, Any], types: list[str], described: list[LayerPlan]) -> list[LayerPlan]:
    """The last `num_kv_shared_layers` read the cache of the last layer of their kind before them."""
    count = Values(text).integer("num_kv_shared_layers") or 0
    first = len(types) - count
    if not count or first <= 0:
        return described
    found = described[:first]
    for layer in range(first, len(types)):
        owner = max(
            (each for each in range(first) if types[each].split(":")[0] == types[layer].split(":")[0]), default=None
        )
        own = described[layer].attention
        if owner is None or own is None:
            found.append(
                LayerPlan(source="num_kv_shared_layers", unknown="shares a cache, but no layer before has its kind")
            )
            continue
        fields = {**own.__dict__, "shared_with": owner}
        found.append(LayerPlan(Attention(**fields), source="num_kv_shared_layers"))
    return found


def _experts(text: Mapping[str, Any]) -> str | None:
    zero = Values(text).integer("zero_expert_num")
    if zero:
        return f"of the experts that a token chooses some do nothing (zero_expert_num {zero}): how many is not fixed"
    return None
