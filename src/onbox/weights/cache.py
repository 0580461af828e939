"""What a model keeps for the tokens it has seen, layer by layer: KV cache, indexer keys, recurrent state.

Two numbers are kept apart all the way: the bytes that are kept, and the bytes that one decoding step reads. They differ
where layers share a cache (kept once, read by each), where an indexer picks tokens (kept all, read few), and where
layers see a window.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

KV_ELEMENT_BYTES = {"bf16": 2.0, "f16": 2.0, "fp8": 1.0, "f32": 4.0, "q8_0": 34 / 32, "q4_0": 18 / 32}
"""Bytes of one element, by the type that an engine keeps its cache in."""


@dataclass(frozen=True)
class Entries:
    """Entries that a layer keeps: one for each token, for the last `window` tokens, or one for `every` tokens.

    Args:
        elements: of one entry, in the type of the KV cache.
        fixed_bytes: of one entry, in a type of its own whatever the KV cache has (indexer keys).
        window: tokens back that are kept and read; None: all.
        chunk: attention starts anew at each multiple of it; None: it does not.
        every: tokens that one entry stands for.
        top: entries that a step reads at most, of those kept.
        kept: False where the entries are another layer's, and only read here.
        heads: among which devices can divide an entry; 1: each needs it whole (latent); None: not known.
    """

    elements: int
    fixed_bytes: int = 0
    window: int | None = None
    chunk: int | None = None
    every: int = 1
    top: int | None = None
    kept: bool = True
    heads: int | None = field(default=None, compare=False)

    def entry_bytes(self, dtype: str) -> float:
        return self.elements * KV_ELEMENT_BYTES[dtype] + self.fixed_bytes

    def kept_entries(self, context: int) -> int:
        if not self.kept:
            return 0
        limit = self.window if self.window is not None else self.chunk
        return (context if limit is None else min(context, limit)) // self.every

    def read_entries(self, context: int) -> int:
        entries = context if self.window is None else min(context, self.window)
        if self.chunk and context:
            entries = min(entries, (context - 1) % self.chunk + 1)
        entries //= self.every
        return entries if self.top is None else min(entries, self.top)

    @property
    def grows(self) -> bool:
        """Whether what is kept grows with each token."""
        return self.kept and self.window is None and self.chunk is None


@dataclass(frozen=True)
class RecurrentState:
    """What a recurrent layer keeps for a sequence, whatever its length; in bytes."""

    recurrent_bytes: int
    conv_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.recurrent_bytes + self.conv_bytes


@dataclass(frozen=True)
class StateTotals:
    """Recurrent state of one sequence over all layers."""

    layers: int
    recurrent_bytes: int
    conv_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.recurrent_bytes + self.conv_bytes

    @property
    def traffic_bytes(self) -> int:
        """Read and written once for each token."""
        return 2 * self.total_bytes


@dataclass(frozen=True)
class CacheLayer:
    """One layer: what it keeps, and what is not known of it.

    Args:
        kind: for people: `full`, `sliding 512`, `latent`, `shared with layer 22`, `recurrent`, `no attention`.
        entries: several where a layer has several attentions, or an indexer beside one.
        source: what says so: a key of the configuration, a table by architecture, the tensors.
        unknown: what is missing or contradictory; None: everything is known.
    """

    number: int
    kind: str
    entries: tuple[Entries, ...] = ()
    state: RecurrentState | None = None
    source: str = ""
    unknown: str | None = None

    def kept_bytes(self, context: int, dtype: str = "bf16") -> float:
        return sum(each.kept_entries(context) * each.entry_bytes(dtype) for each in self.entries)

    def read_bytes(self, context: int, dtype: str = "bf16") -> float:
        return sum(each.read_entries(context) * each.entry_bytes(dtype) for each in self.entries)

    def grown_bytes(self, dtype: str = "bf16") -> float:
        """What each further token adds."""
        return sum(each.entry_bytes(dtype) / each.every for each in self.entries if each.grows)


@dataclass(frozen=True)
class Cache:
    """All layers. With anything in `unknown` every sum is that of the known part: a lower bound."""

    layers: tuple[CacheLayer, ...]
    unknown: tuple[str, ...] = ()
    """What is missing, a line each; layers of one complaint share a line."""

    def kept_bytes(self, context: int, dtype: str = "bf16") -> float:
        """Bytes that one sequence occupies at a context, without state."""
        return sum(each.kept_bytes(context, dtype) for each in self.layers)

    def read_bytes(self, context: int, dtype: str = "bf16") -> float:
        """Bytes that one decoding step reads at a context, for one sequence, without state."""
        return sum(each.read_bytes(context, dtype) for each in self.layers)

    def device_bytes(self, context: int, dtype: str, devices: int) -> float:
        """Bytes that each of several devices keeps of one sequence, at most: heads are divided as far as they go.

        A head that fewer devices have than there are is kept by each of them again; of entries whose heads are not
        known, and of compressed ones, each keeps all.
        """
        return sum(
            entry.kept_entries(context) * entry.entry_bytes(dtype) * (-(-entry.heads // devices) / entry.heads)
            if entry.heads
            else entry.kept_entries(context) * entry.entry_bytes(dtype)
            for each in self.layers
            for entry in each.entries
        )

    def grown_bytes(self, dtype: str = "bf16") -> float:
        """Bytes that each further token adds, once every window is full."""
        return sum(each.grown_bytes(dtype) for each in self.layers)

    def written_bytes(self, dtype: str = "bf16") -> float:
        """Bytes that one token writes, windows and all."""
        return sum(
            entry.entry_bytes(dtype) / entry.every for each in self.layers for entry in each.entries if entry.kept
        )

    def windowed_bytes(self, dtype: str = "bf16") -> float:
        """What all windows keep when they are full."""
        return sum((entry.window or entry.chunk or 0) * entry.entry_bytes(dtype)
                   for each in self.layers for entry in each.entries if entry.kept)  # fmt: skip

    @property
    def state(self) -> "StateTotals | None":
        """Of all recurrent layers; None without any."""
        mine = [each.state for each in self.layers if each.state]
        if not mine:
            return None
        return StateTotals(len(mine), sum(each.recurrent_bytes for each in mine), sum(each.conv_bytes for each in mine))

    @property
    def state_bytes(self) -> int:
        """Recurrent state of one sequence."""
        return self.state.total_bytes if self.state else 0

    def count(self, kind: Callable[[Entries], bool]) -> int:
        """Layers with entries of a kind."""
        return sum(1 for each in self.layers if any(kind(entry) for entry in each.entries))

    @property
    def full_layers(self) -> int:
        return self.count(lambda entry: entry.window is None and entry.chunk is None)

    @property
    def sliding_layers(self) -> int:
        """Layers that see nothing but a window."""
        return sum(1 for each in self.layers if each.entries and all(
            entry.window is not None or entry.chunk is not None for entry in each.entries))  # fmt: skip

    @property
    def sliding_window(self) -> int | None:
        """The window that most sliding layers have."""
        windows = Counter(entry.window or entry.chunk for each in self.layers for entry in each.entries
                          if entry.window or entry.chunk)  # fmt: skip
        return windows.most_common(1)[0][0] if windows else None

    def as_dict(self, depth_tokens: int, dtype: str = "bf16") -> dict[str, Any]:
        """The section `kv` of the command line contract; numbers that hang on something unknown are null."""
        known = not self.unknown
        return {
            "kept_bytes_per_token": round(self.grown_bytes(dtype)) if known else None,
            "read_bytes_per_step": round(self.read_bytes(depth_tokens, dtype)) if known else None,
            "state_bytes_per_sequence": self.state_bytes if known else None,
            "unknown": list(self.unknown),
            "depth_tokens": depth_tokens,
            "dtype": dtype,
            "kept_bytes_at_depth": round(self.kept_bytes(depth_tokens, dtype)) if known else None,
            "least": {
                "kept_bytes_per_token": round(self.grown_bytes(dtype)),
                "read_bytes_per_step": round(self.read_bytes(depth_tokens, dtype)),
                "state_bytes_per_sequence": self.state_bytes,
            },
            "full_layers": self.full_layers,
            "sliding_layers": self.sliding_layers,
            "sliding_window": self.sliding_window,
            "state_layers": self.state.layers if self.state else 0,
        }

    def table(self, depth_tokens: int, dtype: str = "bf16") -> list[dict[str, Any]]:
        """One row a layer, for `fit --explain`."""
        return [
            {
                "layer": each.number,
                "kind": each.kind,
                "kept_bytes_per_token": each.grown_bytes(dtype) if each.unknown is None else None,
                "kept_bytes_at_depth": each.kept_bytes(depth_tokens, dtype) if each.unknown is None else None,
                "read_bytes_per_step": each.read_bytes(depth_tokens, dtype) if each.unknown is None else None,
                "state_bytes": (each.state.total_bytes if each.state else 0) if each.unknown is None else None,
                "source": each.source,
                "unknown": each.unknown,
            }
            for each in self.layers
        ]


def cache_of(layers: list[CacheLayer], unknown: list[str]) -> Cache:
    """Put layers together; `unknown` is what concerns no single layer."""
    by_complaint: dict[str, list[int]] = {}
    for each in layers:
        if each.unknown is not None:
            by_complaint.setdefault(each.unknown, []).append(each.number)
    lines = [*unknown, *(f"{_numbers(numbers)}: {complaint}" for complaint, numbers in by_complaint.items())]
    return Cache(tuple(layers), tuple(lines))


def _numbers(numbers: list[int]) -> str:
    """Layer numbers in few words: `layers 0-5, 8`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    shown = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs[:4])
    return f"layer{'s' if len(numbers) > 1 else ''} {shown}{', ...' if len(runs) > 4 else ''}"
