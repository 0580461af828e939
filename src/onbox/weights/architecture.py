"""What a configuration says of a model as a whole, in one shape for `config.json` and for GGUF metadata."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onbox.weights.config_values import Values, language_model, number_of_layers
from onbox.weights.gguf_header import SkippedArray

_EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts", "num_moe_experts", "n_experts",
            "num_routed_experts", "moe_n_experts")  # fmt: skip
_TOP_K = ("num_experts_per_tok", "num_experts_per_token", "top_k_experts", "moe_topk", "moe_top_k", "moe_k",
          "num_experts_per_topk", "experts_per_token", "num_selected_experts", "n_activated_experts",
          "num_activated_experts",
          "moe_router_topk", "router_top_k", "expert_top_k", "experts_top_k", "num_active_experts", "top_k_expert",
          "num_experts_top_k", "moe_num_active_experts", "topk_experts")  # fmt: skip
_MOE_SECTIONS = ("ffn_config", "moe_config", "moe", "mlp_config", "router_config", "experts_config")


@dataclass(frozen=True)
class Architecture:
    """A model's dimensions. None where the configuration does not tell."""

    name: str
    layers: int
    hidden: int | None
    vocabulary: int | None
    context_length: int | None
    experts: int | None
    """Of most layers; of both kinds of experts together where text and images have their own."""
    top_k: tuple[int, ...]
    """Experts that a token uses: one number for all layers, or one a layer; empty where nobody says."""
    idle_experts: int
    """Experts that do nothing and hold no weights, chosen like the others."""
    tied: bool | None
    """Whether lm_head is the embedding table; None where only the tensors tell."""
    draft_layers: int
    """Layers for multi-token prediction, numbered behind the others."""
    draft_in_layers: bool
    """Whether `layers` counts them in."""
    vision: bool
    """Whether the configuration speaks of a vision tower."""
    audio: bool

    def top_k_of(self, layer: int | None) -> int | None:
        """Experts that a token uses in a layer."""
        if len(self.top_k) > 1:
            return self.top_k[layer] if layer is not None and layer < len(self.top_k) else max(self.top_k)
        return self.top_k[0] if self.top_k else None


def from_config(config: Mapping[str, Any]) -> Architecture:
    """Read a `config.json`; the language model's part where there are several."""
    text = language_model(config)
    get = Values(text)
    sections = [text, *(text[key] for key in _MOE_SECTIONS if isinstance(text.get(key), dict))]
    layers = number_of_layers(text)
    tied = text.get("tie_word_embeddings", config.get("tie_word_embeddings"))
    return Architecture(
        name=str(text.get("model_type") or config.get("model_type") or "unknown"),
        layers=layers,
        hidden=get.integer("hidden_size", "n_embd", "d_model"),
        vocabulary=get.integer("vocab_size"),
        context_length=get.integer("max_position_embeddings", "n_positions", "max_seq_len", "model_max_length",
                                   "max_sequence_length", "seq_length"),
        experts=next((count for each in sections if (count := _count(each, layers)) is not None), None),
        top_k=next((found for each in sections if (found := _numbers(each, _TOP_K))), ()),
        idle_experts=get.integer("zero_expert_num") or 0,
        tied=tied if isinstance(tied, bool) else None,
        draft_layers=get.integer("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules",
                                 "num_mtp_layers") or 0,
        draft_in_layers=False,
        vision="mm_vision_tower" in config or any(isinstance(config.get(each), dict) and bool(config[each])
                                                  for each in _VISION),
        audio=isinstance(config.get("audio_config"), dict),
    )  # fmt: skip


_VISION = (
    "vision_config",
    "vision_tower_config",
    "vit_config",
    "visual_config",
    "vision_encoder_config",
    "vision_model",
)


def from_gguf(metadata: Mapping[str, Any]) -> Architecture:
    """Read the metadata of a GGUF file; keys of the architecture carry its name as a prefix."""
    name = str(metadata.get("general.architecture", "unknown"))
    mine = {key[len(name) + 1 :]: value for key, value in metadata.items() if key.startswith(f"{name}.")}
    get = Values(mine)
    tokens = metadata.get("tokenizer.ggml.tokens")
    return Architecture(
        name=name,
        layers=get.integer("block_count") or 0,
        hidden=get.integer("embedding_length"),
        vocabulary=get.integer("vocab_size") or (tokens.length if isinstance(tokens, SkippedArray) else None),
        context_length=get.integer("context_length"),
        experts=_count(mine, get.integer("block_count") or 0, ("expert_count",)),
        top_k=_numbers(mine, ("expert_used_count",)),
        idle_experts=0,
        tied=None,
        draft_layers=get.integer("nextn_predict_layers") or 0,
        draft_in_layers=True,
        vision=bool(metadata.get("clip.has_vision_encoder")),
        audio=bool(metadata.get("clip.has_audio_encoder")),
    )


def _numbers(values: Mapping[str, Any], names: tuple[str, ...]) -> tuple[int, ...]:
    """One number, or one for each layer."""
    for name in names:
        value = values.get(name)
        if type(value) is int and value > 0:
            return (value,)
        if isinstance(value, list) and value and all(type(each) is int and each >= 0 for each in value) and any(value):
            return tuple(value) if len(set(value)) > 1 else (value[0],)
    return ()


def _count(values: Mapping[str, Any], layers: int, names: tuple[str, ...] = _EXPERTS) -> int | None:
    """Experts of most layers that have any."""
    for name in names:
        value = values.get(name)
        if type(value) is int and value >= 0:
            return value
        if isinstance(value, list) and value and all(type(each) is int and each >= 0 for each in value):
            if len(value) < layers:  # one number a kind of token, not a layer
                return sum(value)
            return Counter(each for each in value if each).most_common(1)[0][0] if any(value) else None
    return None
