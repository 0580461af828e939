"""What each layer keeps: what the configuration says, held against what the tensors show.

A word of the configuration counts before the tensors. Where both tell a size and differ, both are reported and neither
is believed. A layer with tensors of attention that nothing explains is unknown, not plain.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from onbox.weights.cache import Cache, CacheLayer, Entries, RecurrentState, cache_of
from onbox.weights.packing import Weight
from onbox.weights.parts import Part, layer_of, within_layer
from onbox.weights.plans import Attention, CachePlan, LayerPlan, StateShape

_CONTAINER = re.compile(
    r"^(?:(?:self_)?(?:attn|attention|self_attention)(?:\.attention)?|mixer|temporal_block|operator|attn_module|norm_attn_norm)(?:\.(?:self|output))?"
    r"(?:\.\d+)?\.|^attn_|^indexer\.|^"
)
_KEYS = {"k_proj", "k", "wk", "key"}
_VALUES = {"v_proj", "v", "wv", "value"}
_FUSED = {"qkv_proj", "qkv", "c_attn", "query_key_value", "wqkv", "w_pack", "att_proj"}
_LATENT = {"kv_proj", "kv_a_proj_with_mqa", "kv_a_mqa", "kv_a_proj", "wkv"}
_INDEXED = re.compile(r"(^|\.)(indexer|compressor)|(^|\.|_)(indexer|compress)")
_PLAIN = re.compile(
    r"^(q|k|v|o|out|g|gate|kv|qkv|c|att|attn_out|attn_output|output|dense|w_pack|wqkv|wq|wk|wv|wo|query|key|value|"
    r"query_key_value|c_attn|c_proj|[qkvog]_proj|kv_proj|o_[ab]_proj|out_proj|qkv_proj|gate_proj|output_gate|head_gate|q_gate_proj|"
    r"[qkv]_norm|[qk]_layernorm|(query|key)_layernorm|norm_[qk]|norm_?2?|(post|sub|inner|g)_norm|attn_sub_norm|"
    r"layernorm|layer_norm|sinks?|attn_sink|attention_sink_bias|sink_bias|bias|masked_bias|inv_freq|rotary_emb.*|"
    r"rot_embd|q_a_proj|q_a_layernorm|q_b_proj|q_a_norm|q_a|q_b|wq_a|wq_b|wo_a|wo_b|wkv|kv_norm|"
    r"kv_a_proj_with_mqa|kv_a_proj|kv_a_layernorm|kv_a_norm|kv_a_mqa|kv_b_proj|kv_b|k_b|v_b|"
    r"[kvqo]_scale|scale|attn|ln_[qk]|[qk]_ln|gating|gate_weight)(\.bias|\.weight)?$"
)


@dataclass
class _LayerTensors:
    """Tensors of one layer that bear on what it keeps."""

    keys: list[int] = field(default_factory=list)
    values: list[int] = field(default_factory=list)
    fused: list[tuple[int, ...]] = field(default_factory=list)
    latent: list[int] = field(default_factory=list)
    attends: bool = False
    recurrent: bool = False
    indexed: bool = False
    any: bool = False
    strange: list[str] = field(default_factory=list)


def cache_from(weights: Sequence[Weight], parts: Sequence[Part], plan: CachePlan) -> Cache:
    """Every layer of the plan, with the sizes of what it keeps."""
    by_layer = _by_layer(weights, parts)
    numbers = range(max(len(plan.layers), max(by_layer, default=-1) + 1))
    found: list[CacheLayer] = []
    for number in numbers:
        planned = plan.layers[number] if number < len(plan.layers) else LayerPlan(stated=False, source="the tensors")
        found.append(_layer(number, planned, by_layer.get(number, _LayerTensors()), plan.state, found))
    return cache_of(found, list(plan.unknown))


def _by_layer(weights: Sequence[Weight], parts: Sequence[Part]) -> dict[int, _LayerTensors]:
    by_layer: dict[int, _LayerTensors] = defaultdict(_LayerTensors)
    for weight, part in zip(weights, parts, strict=True):
        layer = layer_of(weight.name)
        if layer is None or part in (Part.VISION, Part.AUDIO, Part.DRAFT):
            continue
        mine = by_layer[layer]
        mine.any = True
        rest = within_layer(weight.name)
        if part is Part.LINEAR:
            mine.recurrent = True
        elif part is Part.OTHER:
            if weight.parameters:
                mine.strange.append(rest)
        elif part in (Part.QKV, Part.OUTPUT):
            _attention_tensor(mine, rest, weight)
    return by_layer


def _attention_tensor(mine: _LayerTensors, rest: str, weight: Weight) -> None:
    mine.attends = True
    if _INDEXED.search(rest):
        mine.indexed = True
        return
    leaf = _CONTAINER.sub("", rest, count=1).lower()
    shape = weight.shape
    if shape is not None and len(shape) == 2:
        if leaf in _KEYS:
            mine.keys.append(shape[0])
        elif leaf in _VALUES:
            mine.values.append(shape[0])
        elif leaf in _FUSED:
            mine.fused.append(shape)
        elif leaf in _LATENT:
            mine.latent.append(shape[0])
    if not _PLAIN.match(leaf):
        mine.strange.append(rest)


def _layer(
    number: int, planned: LayerPlan, tensors: _LayerTensors, state: StateShape | None, before: list[CacheLayer]
) -> CacheLayer:
    if planned.unknown is not None:
        return CacheLayer(number, "unknown", source=planned.source, unknown=planned.unknown)
    complaint = _complaint(planned, tensors, state)
    if complaint is not None:
        return CacheLayer(number, "unknown", source=planned.source, unknown=complaint)
    attention, shape = planned.attention, planned.state
    if not planned.stated:
        attention = attention if tensors.attends else None
        shape = state if tensors.recurrent else None
        if attention is None and tensors.attends:
            attention = Attention()
    entries: tuple[Entries, ...] = ()
    source = planned.source
    if attention is not None:
        found = _entries(attention, tensors, before)
        if isinstance(found, str):
            return CacheLayer(number, "unknown", source=planned.source, unknown=found)
        entries, by_tensors = found
        source = f"{source}; sizes by the tensors" if by_tensors and source else source or "the tensors"
    kept = None
    if shape is not None:
        kept = RecurrentState(shape.recurrent * shape.recurrent_element_bytes, shape.conv * shape.conv_element_bytes)
    return CacheLayer(number, _kind(attention, shape), entries, kept, source)


def _complaint(planned: LayerPlan, held: _LayerTensors, state: StateShape | None) -> str | None:
    """What the tensors of a layer contradict or leave unexplained; None: nothing."""
    if not held.any:
        return "the configuration counts it, the tensors hold nothing of it"
    if held.strange and (planned.state is None or planned.attention is not None):
        names = ", ".join(sorted(set(held.strange))[:2])
        return f"tensors that this version cannot explain: {names}"
    if planned.stated:
        if planned.attention is not None and not held.attends and planned.attention.shared_with is None:
            return "attention by the configuration, but the tensors hold none"
        if planned.attention is not None and planned.state is None and held.recurrent:
            return "attention by the configuration, but its tensors are those of a recurrent layer"
        if planned.state is not None and not held.recurrent and not held.attends:
            return "recurrent by the configuration, but the tensors hold nothing of the kind"
        if planned.attention is None and planned.state is None and held.attends:
            return "no attention by the configuration, but the tensors hold one"
    elif held.recurrent:
        if held.attends:
            return "attention and recurrent tensors in one layer, and the configuration does not say how they share it"
        if state is None:
            return "its tensors are recurrent, but nothing tells the size of its state"
    if planned.attention is not None and held.indexed and not planned.attention.extra and planned.attention.top is None:
        return "the tensors hold an indexer or a compressor that the configuration does not speak of"
    return None


def _entries(
    attention: Attention, tensors: _LayerTensors, before: list[CacheLayer]
) -> tuple[tuple[Entries, ...], bool] | str:
    """Entries of one layer, and whether the tensors gave their size; or why they are not known."""
    elements = attention.elements
    shown = _shown(attention, tensors)
    if isinstance(shown, str):
        return shown
    by_tensors = False
    if shown is not None and elements != shown:
        if elements is not None and (attention.explicit or attention.latent is not None):
            return f"{elements} elements a token by the configuration, {shown} by the tensors"
        elements, by_tensors = shown, True
    if elements is None and attention.shared_with is not None and attention.shared_with < len(before):
        owned = before[attention.shared_with].entries
        elements = owned[0].elements if owned else None
    if elements is None:
        return "it attends, but neither shapes nor configuration tell the size of its cache"
    own = attention.shared_with is None
    times = attention.times
    if own and times == 1 and not attention.explicit and len(tensors.keys) > 1:
        times = len(tensors.keys)
    heads = 1 if attention.latent is not None else attention.kv_heads if elements == attention.elements else None
    main = Entries(elements, window=attention.window, chunk=attention.chunk, top=attention.top, kept=own, heads=heads)
    return (main,) * times + attention.extra, by_tensors


def _shown(attention: Attention, tensors: _LayerTensors) -> int | str | None:
    """Elements of an entry as the tensors have it; None: they do not tell; a text: they differ among themselves."""
    if attention.latent is not None:
        sizes = set(tensors.latent)
        return (
            next(iter(sizes))
            if len(sizes) == 1
            else "latent projections of several sizes in one layer"
            if sizes
            else None
        )
    if len(set(tensors.keys)) > 1 or len(set(tensors.values)) > 1:
        return "several attentions of different sizes in one layer"
    if tensors.keys and tensors.values:
        return tensors.keys[0] + tensors.values[0]
    if tensors.keys:
        return 2 * tensors.keys[0] if attention.key_is_value else (
            None if attention.shared_with is not None else "a key projection without one for values")  # fmt: skip
    if tensors.fused and attention.queries and attention.dim_k:
        key_width = attention.queries * attention.dim_k
        rests = [size - key_width * gated for size in tensors.fused[0] for gated in (1, 2)]
        if attention.elements in rests:
            return attention.elements
        rest = tensors.fused[0][0] - key_width
        return rest if rest > 0 else None
    return None


def _kind(attention: Attention | None, shape: StateShape | None) -> str:
    words = []
    if attention is not None:
        word = "latent" if attention.latent is not None else "full"
        if attention.window is not None:
            word = f"sliding {attention.window}"
        elif attention.chunk is not None:
            word = f"chunks of {attention.chunk}"
        compressed = [each.every for each in attention.extra if each.every > 1]
        if compressed:
            word += f" and 1 of {compressed[0]}"
        top = attention.top or next((each.top for each in attention.extra if each.top), None)
        if top:
            word += f", reads {top} at most"
        if attention.times > 1:
            word = f"{attention.times} x {word}"
        words.append(word if attention.shared_with is None else f"{word}, shared with layer {attention.shared_with}")
    if shape is not None:
        words.append(shape.label)
    return " + ".join(words) or "no attention"
