"""What a configuration says that each layer keeps, in one shape for `config.json` and for GGUF metadata."""

from dataclasses import dataclass

from onbox.weights.cache import Entries


@dataclass(frozen=True)
class Attention:
    """One layer's attention as it is described; None where nobody says.

    Args:
        latent: elements of a compressed KV entry (multi-head latent attention); then heads do not count.
        window, chunk: how far it sees, in tokens.
        times: attentions in one layer, each with a cache.
        shared_with: the layer whose cache is read; nothing of its own is kept.
        extra: entries kept beside the KV itself: indexer keys, compressed entries.
        top: tokens that an indexer lets it read.
    """

    kv_heads: int | None = None
    dim_k: int | None = None
    dim_v: int | None = None
    latent: int | None = None
    window: int | None = None
    chunk: int | None = None
    times: int = 1
    shared_with: int | None = None
    extra: tuple[Entries, ...] = ()
    top: int | None = None
    queries: int | None = None
    explicit: bool = False
    """Whether heads and sizes are given, not taken from the hidden size and the query heads for want of a word."""
    key_is_value: bool = False
    """Whether one projection gives keys and values: the tensors hold no second one, the cache holds both."""

    @property
    def elements(self) -> int | None:
        """Of one entry."""
        if self.latent is not None:
            return self.latent
        if self.kv_heads is None or self.dim_k is None or self.dim_v is None:
            return None
        return self.kv_heads * (self.dim_k + self.dim_v)


@dataclass(frozen=True)
class StateShape:
    """Recurrent state of one layer, in elements; bytes of one element of each kind."""

    recurrent: int
    conv: int
    recurrent_element_bytes: int = 4
    conv_element_bytes: int = 2
    label: str = "recurrent"


@dataclass(frozen=True)
class LayerPlan:
    """One layer as it is described. `attention` and `state` may both be there: hybrid heads."""

    attention: Attention | None = None
    state: StateShape | None = None
    source: str = ""
    unknown: str | None = None
    stated: bool = True
    """Whether something says so of this layer; False: assumed for want of a word, so the tensors decide."""


@dataclass(frozen=True)
class CachePlan:
    """All layers, and what concerns no single one."""

    layers: tuple[LayerPlan, ...] = ()
    unknown: tuple[str, ...] = ()
    state: StateShape | None = None
    """Of a recurrent layer, where only the tensors tell which layers those are."""
    expert_note: str | None = None
    """Why the number of experts that a token reads is not fixed; None: it is."""
