"""What GGUF metadata says that each layer keeps: the file's keys first, then what its reader hard-codes.

Source of keys and sizes: architectures and hyperparameters of the GGUF reader (`sources.py`). Its recurrent
and convolution states are 32-bit floating point numbers.
"""

from collections.abc import Mapping
from typing import Any

from onbox.weights.cache import Entries
from onbox.weights.config_values import LAYERS_MAX, Values
from onbox.weights.hard_coded import (
    GGUF_PERIODS,
    GGUF_SHARED_FROM,
    GGUF_WINDOW_IGNORED,
    NOT_DECODERS,
    ONE_STEP_IS_NO_TOKEN,
)
from onbox.weights.known_keys import gguf_not_understood
from onbox.weights.plans import Attention, CachePlan, LayerPlan, StateShape

_BOTH = ("falcon-h1",)
_CHUNKED = {"llama4": (8192, 4)}
"""Chunk and period (the reader's models/llama4.cpp)."""


def plan_from_gguf(metadata: Mapping[str, Any]) -> CachePlan:
    """Describe each layer; what is not understood is said, never assumed."""
    name = str(metadata.get("general.architecture", "unknown"))
    mine = {key[len(name) + 1 :]: value for key, value in metadata.items() if key.startswith(f"{name}.")}
    get = Values(mine)
    layers = max(0, (get.integer("block_count") or 0) - (get.integer("nextn_predict_layers") or 0))
    unknown = []
    if layers > LAYERS_MAX:
        return CachePlan(unknown=(f"block_count {layers} is more than any model has",))
    if name in NOT_DECODERS or (mine.get("attention.causal") is False and name not in ONE_STEP_IS_NO_TOKEN):
        unknown.append(f"{name} encodes: it makes no tokens one by one, and keeps no cache between them")
    if name in ONE_STEP_IS_NO_TOKEN:
        unknown.append(f"{name} is a text diffusion model: a step is not a token, and what is kept hangs on the engine")
    keys = gguf_not_understood(mine)
    if keys:
        unknown.append(f"the file has keys of attention that are not known: {', '.join(keys)}")
    state = _state(mine)
    slides, source = _sliding(name, mine, layers)
    described = [_layer(name, mine, layers, layer, slides[layer], source, state) for layer in range(layers)]
    return CachePlan(tuple(_shared(name, mine, slides, described)), tuple(unknown), state=state)


def _state(mine: Mapping[str, Any]) -> StateShape | None:
    get = Values(mine)
    hidden, heads = get.integer("embedding_length"), get.integer("attention.head_count")
    kernel, delta = get.integer("ssm.conv_kernel"), get.integer("kda.head_dim")
    wkv, short = get.integer("wkv.head_size"), get.integer("shortconv.l_cache")
    if wkv and hidden:
        return StateShape(hidden * wkv, (get.integer("token_shift_count") or 2) * hidden, 4, 4)
    if short and hidden:
        return StateShape(0, hidden * (short - 1), 4, 4, "short convolution")
    heads = heads or max(get.by_layer(1, "attention.head_count") or [0])
    if delta and heads:
        return StateShape(delta * delta * heads, 3 * ((kernel or 4) - 1) * delta * heads, 4, 4)
    inner, size, groups = (get.integer(f"ssm.{each}") for each in ("inner_size", "state_size", "group_count"))
    if not inner or not size:
        return None
    return StateShape(inner * size, max(0, (kernel or 0) - 1) * (inner + 2 * (groups or 0) * size), 4, 4)


def _sliding(name: str, mine: Mapping[str, Any], layers: int) -> tuple[list[int | str | None], str]:
    """The window of each layer; None: sees everything; a text: why that is not known."""
    window, pattern = Values(mine).integer("attention.sliding_window"), mine.get("attention.sliding_window_pattern")
    hard = GGUF_PERIODS.get(name)
    window = window if window is not None else hard.window if hard else None
    if not window or name in GGUF_WINDOW_IGNORED:
        return [None] * layers, "attention.head_count_kv"
    if isinstance(pattern, list):
        if len(pattern) < layers:
            return [f"sliding_window_pattern has {len(pattern)} entries for {layers} layers"] * layers, ""
        return [window if each else None for each in pattern[:layers]], "attention.sliding_window_pattern"
    if isinstance(pattern, int) and not isinstance(pattern, bool):
        if hard is None and pattern > 1 and layers % pattern:
            why = f"the file states a period of {pattern} layers, but not whether its first or its last sees everything"
            return [why] * layers, ""
        first = hard is not None and hard.full_first
        full = [
            (layer % pattern == 0 if first else (layer + 1) % pattern == 0) if pattern else False
            for layer in range(layers)
        ]
        return [None if each else window for each in full], "attention.sliding_window_pattern"
    if hard is not None:
        return [window if hard.slides(layer, layers) else None for layer in range(layers)], hard.source
    return [f"the file states a window of {window} tokens, but not which layers have it"] * layers, ""


def _layer(name: str, mine: Mapping[str, Any], layers: int, layer: int, window: int | str | None, source: str,
           state: StateShape | None) -> LayerPlan:  # fmt: skip
    get = Values(mine)
    if isinstance(window, str):
        return LayerPlan(source="attention.sliding_window", unknown=window)
    ratios = mine.get("attention.compress_ratios")
    if isinstance(ratios, list):
        return _compressed(mine, ratios, layer)
    if mine.get("wkv.head_size"):
        return LayerPlan(state=state, source="wkv.head_size")
    kv_heads = get.by_layer(layers, "attention.head_count_kv")
    heads = get.by_layer(layers, "attention.head_count")
    count = kv_heads[layer] if kv_heads else heads[layer] if heads else None
    recurrent = mine.get("attention.recurrent_layers")
    interval = get.integer("full_attention_interval")
    if isinstance(recurrent, list) and layer < len(recurrent):
        if recurrent[layer]:
            return LayerPlan(state=state, source="attention.recurrent_layers", unknown=None if state else _NO_STATE)
    elif interval and state and (layer + 1) % interval:
        return LayerPlan(state=state, source="full_attention_interval")
    if count == 0 and state and get.integer("kda.head_dim"):
        # Its projections are named as those of attention (the reader's models/kimi-linear.cpp, bailingmoe3.cpp).
        return LayerPlan(state=state, source="attention.head_count_kv and kda.head_dim")
    if count == 0:
        return LayerPlan(source="attention.head_count_kv", stated=False)
    attention = _attention(name, mine, layer, count, heads[layer] if heads else None, window)
    if isinstance(attention, str):
        return LayerPlan(source=source, unknown=attention)
    stated = kv_heads is not None and not (
        state and interval is None and not isinstance(mine.get("attention.head_count_kv"), list)
    )
    return LayerPlan(attention, state if name in _BOTH else None, source, stated=stated or name in _BOTH)


_NO_STATE = "recurrent, but the file does not tell the size of its state"


def _attention(name: str, mine: Mapping[str, Any], layer: int, count: int | None, queries: int | None,
               window: int | None) -> Attention | str:  # fmt: skip
    get = Values(mine)
    hidden = get.integer("embedding_length")
    size = hidden // queries if hidden and queries else None
    key = get.integer("attention.key_length")
    value = get.integer("attention.value_length")
    if window is not None:
        key, value = get.integer("attention.key_length_swa") or key, get.integer("attention.value_length_swa") or value
    rank, rope = get.integer("attention.kv_lora_rank"), get.integer("rope.dimension_count")
    chunk = None
    if name in _CHUNKED and mine.get("attention.sliding_window") != 0 and (layer + 1) % _CHUNKED[name][1]:
        chunk = _CHUNKED[name][0]
    if rank and (get.integer("attention.key_length_mla") or count == 1 or count is None):
        if rope is None:
            return "latent attention (kv_lora_rank), but rope.dimension_count is missing"
        size_index, top = get.integer("attention.indexer.key_length"), get.integer("attention.indexer.top_k")
        if (size_index is None) != (top is None):
            return "an indexer picks tokens, but attention.indexer.key_length or .top_k is missing"
        types = mine.get("attention.indexer.types")
        own = not (isinstance(types, list) and layer < len(types) and not types[layer])
        indexer = (Entries(size_index),) if size_index and own else ()
        return Attention(latent=rank + rope, window=window, extra=indexer, top=top)
    if get.integer("attention.indexer.key_length"):
        return "an indexer picks tokens, but not beside latent attention: this version does not know what it keeps"
    explicit = key is not None and value is not None and mine.get("attention.head_count_kv") is not None
    return Attention(count, key or size, value or size, window=window, chunk=chunk, queries=queries, explicit=explicit)


def _compressed(mine: Mapping[str, Any], ratios: list[Any], layer: int) -> LayerPlan:
    """DeepSeek V4 (the reader's models/deepseek4.cpp): a window, and one entry for some tokens beside it."""
    get = Values(mine)
    size, window = get.integer("attention.key_length"), get.integer("attention.sliding_window")
    every = ratios[layer] if layer < len(ratios) else None
    source = "attention.compress_ratios"
    if not size or not window or not isinstance(every, int) or every < 0:
        return LayerPlan(
            source=source, unknown="compressed attention, but key_length, sliding_window or its ratio is missing"
        )
    if every == 0:
        return LayerPlan(Attention(latent=size, window=window), source=source)
    key, top = get.integer("attention.indexer.key_length"), get.integer("attention.indexer.top_k")
    if every > 4:
        return LayerPlan(Attention(latent=size, window=window, extra=(Entries(size, every=every),)), source=source)
    if not key or not top:
        return LayerPlan(source=source, unknown="compressed attention with an indexer, but its sizes are missing")
    indexer = (Entries(size, every=every, top=top), Entries(key, every=every))
    return LayerPlan(Attention(latent=size, window=window, extra=indexer), source=source)


def _shared(
    name: str, mine: Mapping[str, Any], slides: list[int | str | None], described: list[LayerPlan]
) -> list[LayerPlan]:
    """Layers that read the cache of the last one of their kind before them (Gemma 3n, Gemma 4)."""
    layers = len(described)
    count = Values(mine).integer("attention.shared_kv_layers")
    first, source = (
        (layers - count, "attention.shared_kv_layers") if count else GGUF_SHARED_FROM.get(name, (layers, ""))
    )
    if first <= 0 or first >= layers:
        return described
    found = described[:first]
    for layer in range(first, layers):
        own = described[layer].attention
        owner = max((each for each in range(first) if slides[each] == slides[layer]), default=None)
        if own is None or owner is None:
            found.append(LayerPlan(source=source, unknown="shares a cache, but no layer before has its kind"))
            continue
        found.append(LayerPlan(Attention(**{**own.__dict__, "shared_with": owner}), source=source))
    return found
