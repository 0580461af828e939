"""The kind of each layer by `config.json`, in one small language.

`full`, `sliding:N`, `chunked:N`, `compressed:RATIO`, `indexed`, `recurrent`, `none`, two joined by `+` where a layer
has both, or `unknown:WHY`.
"""

from collections.abc import Mapping
from typing import Any

from onbox.weights.config_values import Values, layer_list
from onbox.weights.hard_coded import CONFIG_PERIODS, WINDOW_IS_OFF

_FULL = {"full_attention", "attention", "full", "global", "global_attention", "*", "attn", "softmax_attention"}
_SLIDING = {"sliding_attention", "sliding", "local", "local_attention", "swa", "sliding_window_attention"}
_RECURRENT = {"linear_attention", "mamba", "mamba2", "recurrent", "M", "linear", "conv", "gated_delta_net", "kda",
              "lightning_attention", "short_conv", "ssm"}  # fmt: skip
_NONE = {"moe", "mlp", "-", "E", "ffn"}
_INDEXED = {"indexed_attention", "deepseek_sparse_attention"}
_COMPRESSED = {"compressed_sparse_attention": 4, "heavily_compressed_attention": 128}
_ASSUMED = "assumed: the configuration speaks of no other kind"
_BOTH = ("falcon_h1",)
"""Each layer has attention and Mamba side by side (transformers 5.24, models/falcon_h1)."""
_RECURRENT_ONLY = ("mamba", "mamba2", "falcon_mamba", "rwkv", "rwkv5", "rwkv6", "rwkv6qwen2", "rwkv7", "xlstm")

StatedTypes = tuple[list[str], str, str | None]


def layer_types(name: str, text: Mapping[str, Any], layers: int) -> StatedTypes:
    """Kinds, what says so, and what is contradictory or missing for all of them (None: nothing)."""
    for reader in (_patterns, _lists, _periods_of_recurrent, _by_name, _windows):
        types = reader(name, text, layers)
        if types is not None:
            kinds, source, complaint = types
            if len(kinds) < layers:
                return kinds + ["unknown:no kind is given for it"] * (layers - len(kinds)), source, complaint
            return kinds[:layers], source, complaint
    return ["full"] * layers, _ASSUMED, None


def _window(text: Mapping[str, Any], *names: str) -> int | None:
    return (
        Values(text).integer(*names, "sliding_window", "sliding_window_size", "attention_window_size", "window_size")
        or None
    )


def _sliding(text: Mapping[str, Any]) -> str:
    window = text.get("sliding_window")
    if isinstance(window, list):
        return "unknown:a list of windows, which this version does not read"
    found = _window(text)
    return f"sliding:{found}" if found else "unknown:sees a window, but its length is missing"


def _word(word: Any, text: Mapping[str, Any]) -> str:
    if not isinstance(word, str):
        return f"unknown:of a kind that this version does not know: {str(word)[:40]}"
    if word in _FULL:
        return "full"
    if word in _SLIDING:
        return _sliding(text)
    if word in _RECURRENT:
        return "recurrent"
    if word in _NONE:
        return "none"
    if word in _INDEXED:
        return "indexed"
    if word == "chunked_attention":
        chunk = Values(text).integer("attention_chunk_size", "sliding_window")
        return f"chunked:{chunk}" if chunk else "unknown:attends in chunks, but their length is missing"
    if word in _COMPRESSED:
        rates = text.get("compress_rates")
        rate = Values(rates).integer(word) if rates else _COMPRESSED[word]
        return f"compressed:{rate}" if rate else "unknown:compressed attention, but its ratio is missing"
    return f"unknown:of a kind that this version does not know: {str(word)[:40]}"


def _patterns(name: str, text: Mapping[str, Any], layers: int) -> StatedTypes | None:
    """Lists of numbers and strings of letters, each with a key of its own."""
    ratios = layer_list(text, "compress_ratios")
    if ratios is not None:
        kinds = [f"compressed:{each}" if type(each) is int and each >= 0 else "unknown:its compress ratio is no number"
                 for each in ratios]  # fmt: skip
        return kinds, "compress_ratios", None
    hybrid = layer_list(text, "hybrid_layer_pattern")
    if hybrid is not None and "layer_types" not in text:
        return [_sliding(text) if each == 1 else "full" if each == 0 else f"unknown:hybrid_layer_pattern {each!r}"
                for each in hybrid], "hybrid_layer_pattern", None  # fmt: skip
    letters = text.get("hybrid_override_pattern")
    if isinstance(letters, str) and letters:
        return [_word(each, text) for each in letters.replace("|", "")], "hybrid_override_pattern", None
    kinds_by_number = layer_list(text, "attn_type_list")
    if kinds_by_number is not None:
        return [{0: "recurrent", 1: "full"}.get(each, f"unknown:attn_type_list {each!r}") if type(each) is int
                else "unknown:attn_type_list" for each in kinds_by_number], "attn_type_list", None  # fmt: skip
    blocks = layer_list(text, "block_configs")
    if blocks is not None:
        return [_block(each) for each in blocks], "block_configs", None
    return None


def _block(block: Any) -> str:
    attention = block.get("attention") if isinstance(block, dict) else None
    if not isinstance(attention, dict):
        return "unknown:block_configs says nothing of its attention"
    if attention.get("no_op") or attention.get("replace_with_linear"):
        return "none"
    others = [key for key in ("mamba", "llama4", "window_length", "sparsify", "unshifted_sink", "num_sink_tokens")
              if attention.get(key)]  # fmt: skip
    return f"unknown:block_configs has {', '.join(others)}" if others else "full"


def _lists(name: str, text: Mapping[str, Any], layers: int) -> StatedTypes | None:
    for key in ("layer_types", "layers_block_type", "layer_block_type", "attention_layers"):
        words = layer_list(text, key)
        if words:
            if name == "zamba2" or name == "zamba":
                return ["unknown:its attention is shared between layers, and this version does not count it"
                        if each == "hybrid" else "recurrent" for each in words], key, None  # fmt: skip
            kinds = [_word(each, text) for each in words]
            return kinds, key, _disagreement(name, text, kinds)
    words = layer_list(text, "block_types")
    if words and layers:
        sliding = _sliding(text)
        return [sliding if words[each % len(words)] == "attention" else _word(words[each % len(words)], text)
                for each in range(layers)], "block_types", None  # fmt: skip
    return None


def _disagreement(name: str, text: Mapping[str, Any], kinds: list[str]) -> str | None:
    """A window that `layer_types` uses, and `use_sliding_window: false` beside it."""
    slides = any(each.startswith("sliding:") for each in kinds)
    if slides and text.get("use_sliding_window") is False:
        return "layer_types has sliding layers, use_sliding_window is false: one of them is wrong"
    period = text.get("sliding_window_pattern")
    if slides and isinstance(period, int) and not isinstance(period, bool) and period > 1:
        by_period = ["full" if (layer + 1) % period == 0 else "sliding" for layer in range(len(kinds))]
        differ = [layer for layer, kind in enumerate(kinds[:-1]) if kind.split(":")[0] != by_period[layer]]
        if differ:
            return (f"layer_types says that layer {differ[0]} is {kinds[differ[0]].split(':')[0]}, "
                    f"sliding_window_pattern {period} that it is {by_period[differ[0]]}")  # fmt: skip
    return None


def _periods_of_recurrent(name: str, text: Mapping[str, Any], layers: int) -> StatedTypes | None:
    """Hybrids that give a period, an offset or a list of the few layers that attend."""
    get = Values(text)
    linear = text.get("linear_attn_config")
    full = layer_list(linear, "full_attn_layers") if isinstance(linear, dict) else None
    if full is not None:  # counted from 1
        return ["full" if layer + 1 in full else "recurrent" for layer in range(layers)], "linear_attn_config", None
    for key in ("attn_layer_indices", "full_attn_idxs"):
        listed = layer_list(text, key)
        if listed is not None:
            return ["full" if layer in listed else "recurrent" for layer in range(layers)], key, None
    period, offset = get.integer("attn_layer_period"), get.integer("attn_layer_offset")
    if period and offset is not None and name == "jamba":
        return (["full" if layer % period == offset else "recurrent" for layer in range(layers)],
                "attn_layer_period and attn_layer_offset", None)  # fmt: skip
    interval = get.integer("full_attention_interval")
    if not interval and name.startswith(("qwen3_next", "qwen3_5")):
        interval = 4
    if interval:
        return (["full" if (layer + 1) % interval == 0 else "recurrent" for layer in range(layers)],
                "full_attention_interval", None)  # fmt: skip
    group = get.integer("layer_group_size")
    if group and name.startswith(("bailing_moe_linear", "bailing_hybrid", "bailing_moe_v2_5")):
        rest = layers // group * group
        return (["full" if (layer + 1) % group == 0 or layer >= rest else "recurrent" for layer in range(layers)],
                "layer_group_size", None)  # fmt: skip
    return None


def _by_name(name: str, text: Mapping[str, Any], layers: int) -> StatedTypes | None:
    if name in _BOTH:
        return ["full+recurrent"] * layers, f"transformers 5.24, models/{name}", None
    if name in _RECURRENT_ONLY:
        return ["recurrent"] * layers, f"model_type {name}", None
    if name == "hymba":
        return (
            ["unknown:attention and Mamba share a layer, and this version does not know how"] * layers,
            name,
            None,
        )
    return None


def _windows(name: str, text: Mapping[str, Any], layers: int) -> StatedTypes | None:
    """No list by layer: a window and a rule for which layers have it."""
    chunk = text.get("attention_chunk_size")
    if type(chunk) is int and chunk > 0:
        ropes = layer_list(text, "no_rope_layers")
        every = Values(text).integer("no_rope_layer_interval", "nope_layer_interval") or 4
        ropes = ropes if ropes and len(ropes) >= layers else [int((layer + 1) % every != 0) for layer in range(layers)]
        return (
            [f"chunked:{chunk}" if each else "full" for each in ropes[:layers]],
            "no_rope_layers and attention_chunk_size",
            None,
        )
    default = CONFIG_PERIODS.get(name)
    if "sliding_window" not in text and default is not None and default.window:
        text = {**text, "sliding_window": default.window}  # what is left out of a configuration has its default
    if text.get("sliding_window") in (None, 0, False) and not Values(text).integer("sliding_window_size"):
        return None
    use = text.get("use_sliding_window")
    if use is False or (use is None and name in WINDOW_IS_OFF):
        return (
            ["full"] * layers,
            "use_sliding_window" if use is False else f"{name} uses its window only when told to",
            None,
        )
    first = Values(text).integer("max_window_layers")
    if use is True and first is not None:
        return [_sliding(text) if layer >= first else "full" for layer in range(layers)], "max_window_layers", None
    letters = text.get("sliding_window_pattern", text.get("_sliding_window_pattern"))
    if isinstance(letters, str) and letters and set(letters) <= {"L", "G"}:
        kinds = [_sliding(text) if letters[layer % len(letters)] == "L" and layer != layers - 1 else "full"
                 for layer in range(layers)]  # fmt: skip
        return kinds, "sliding_window_pattern", None
    hard = CONFIG_PERIODS.get(name)
    nth: int | None = (
        letters if type(letters) is int else Values(text).integer("global_attn_every_n_layers", "layer_switch")
    )
    if nth and nth > 0:
        last = hard is not None and hard.last_full
        return (["full" if (layer + 1) % nth == 0 or (last and layer == layers - 1) else _sliding(text)
                 for layer in range(layers)], "sliding_window_pattern", None)  # fmt: skip
    if hard is not None:
        return [_sliding(text) if hard.slides(layer, layers) else "full" for layer in range(layers)], hard.source, None
    window = _window(text)
    if window is None:
        return ["unknown:a list of windows, which this version does not read"] * layers, "sliding_window", None
    return (
        [f"unknown:the configuration states a window of {window} tokens, but not which layers have it"] * layers,
        "sliding_window",
        None,
    )
