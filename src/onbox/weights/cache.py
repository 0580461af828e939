"""What a model keeps for the tokens it has seen: the KV cache of attention, the state of recurrent layers."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from onbox.weights.architecture import Architecture
from onbox.weights.packing import Weight
from onbox.weights.parts import Part, layer_of

KV_ELEMENT_BYTES = {"bf16": 2.0, "f16": 2.0, "fp8": 1.0, "f32": 4.0, "q8_0": 34 / 32, "q4_0": 18 / 32}
"""Bytes of one element, by the type that an engine keeps its cache in."""


@dataclass(frozen=True)
class Cache:
    """What attention keeps for each token, in elements (multiply by the bytes of the KV type)."""

    full_layers: int
    sliding_layers: int
    full_elements: int
    """Read for every token of context, and kept."""
    sliding_elements: int
    """Likewise, for at most `sliding_window` tokens."""
    sliding_window: int | None
    latent: bool
    """Whether it is the compressed cache of multi-head latent attention."""

    def read_bytes(self, context: int, dtype: str = "bf16") -> float:
        """Bytes of cache that one decoding step reads at a context, for one sequence; also what it occupies."""
        window = min(context, self.sliding_window) if self.sliding_window is not None else 0
        return (self.full_elements * context + self.sliding_elements * window) * KV_ELEMENT_BYTES[dtype]

    def written_bytes(self, dtype: str = "bf16") -> float:
        """Bytes that one token adds."""
        return (self.full_elements + self.sliding_elements) * KV_ELEMENT_BYTES[dtype]


@dataclass(frozen=True)
class State:
    """What recurrent layers (linear attention, Mamba) keep for a sequence, whatever its length; in bytes."""

    layers: int
    recurrent_bytes: int
    conv_bytes: int

    @property
    def traffic_bytes(self) -> int:
        """Read and written once for each token."""
        return 2 * (self.recurrent_bytes + self.conv_bytes)


def cache_of(weights: Sequence[Weight], parts: Sequence[Part], architecture: Architecture, notes: list[str]) -> Cache:
    """Elements a token by layer: from the shapes of the K and V projections, else from the configuration."""
    attending: dict[int, dict[str, int]] = defaultdict(dict)
    for weight, part in zip(weights, parts, strict=True):
        layer = layer_of(weight.name)
        if part is not Part.QKV or layer is None:
            continue
        kind = weight.name.rsplit(".", 1)[-1]
        role = {"k_proj": "k", "attn_k": "k", "wk": "k", "v_proj": "v", "attn_v": "v", "wv": "v"}.get(kind)
        attending[layer].setdefault("seen", 1)
        if role and weight.shape and len(weight.shape) == 2:
            attending[layer][role] = weight.shape[0]
    full = sliding = full_layers = sliding_layers = 0
    latent = architecture.mla_elements is not None
    disagree = set()
    for layer, seen in sorted(attending.items()):
        told = _told_elements(architecture, layer)
        elements = architecture.mla_elements if latent else seen.get("k", 0) + seen.get("v", 0)
        if elements == 0 or (not latent and ("k" not in seen or "v" not in seen)):
            elements = told
        if elements is None:
            notes.append(f"layer {layer} attends, but neither shapes nor configuration tell its KV size: not counted")
            continue
        if told is not None and not latent and elements != told:
            disagree.add((elements, told))
        if layer < len(architecture.sliding) and architecture.sliding[layer]:
            sliding += elements
            sliding_layers += 1
        else:
            full += elements
            full_layers += 1
    notes.extend(f"KV of {seen} elements a layer by the tensors, {told} by the configuration: tensors counted"
                 for seen, told in sorted(disagree))  # fmt: skip
    window = architecture.sliding_window if sliding_layers else None
    return Cache(full_layers, sliding_layers, full, sliding, window, latent)


def _told_elements(architecture: Architecture, layer: int) -> int | None:
    heads, key, value = architecture.kv_heads, architecture.head_dim_k, architecture.head_dim_v
    if heads is None or layer >= len(heads) or key is None or value is None:
        return None
    return heads[layer] * (key + value)


def state_of(
    weights: Sequence[Weight], parts: Sequence[Part], architecture: Architecture, notes: list[str]
) -> State | None:
    """Recurrent state: value heads x value dimension x key dimension; the convolution keeps kernel - 1 inputs."""
    layers = {layer_of(each.name) for each, part in zip(weights, parts, strict=True) if part is Part.LINEAR}
    if not layers:
        return None
    inner, size = architecture.state_inner, architecture.state_size
    conv, groups = architecture.state_conv, architecture.state_groups or 1
    if not inner or not size:
        notes.append(f"{len(layers)} recurrent layers, but the configuration does not tell the size of their state")
        return None
    channels = inner + 2 * groups * size
    return State(
        layers=len(layers),
        recurrent_bytes=len(layers) * inner * size * architecture.state_bytes,
        conv_bytes=len(layers) * channels * max(0, (conv or 1) - 1) * 2,
    )
