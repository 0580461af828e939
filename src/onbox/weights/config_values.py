"""Reading a configuration: the language model's part of it, and one thing under its many names."""

from collections.abc import Mapping
from typing import Any

_NESTED = ("text_config", "llm_config", "language_config", "thinker_config", "language_model", "llm", "text_model",
           "lm_config", "text", "decoder", "base_model_config")  # fmt: skip
LAYER_NAMES = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_DEPTH_MAX = 4
LAYERS_MAX = 4096
"""More than any model has; a configuration that says so is not believed."""


def language_model(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part that describes the language model: the configuration itself, or the one nested in it.

    Multimodal configurations nest it as `text_config`, `llm_config`, or two deep (`thinker_config.text_config`).
    """
    found = config
    for _ in range(_DEPTH_MAX):
        inner = next((found[key] for key in _NESTED if isinstance(found.get(key), dict) and found[key]), None)
        if inner is None:
            break
        found = inner
    return found


def number_of_layers(text: Mapping[str, Any]) -> int:
    """Of the language model; 0 where nobody says."""
    count = Values(text).integer(*LAYER_NAMES)
    types = layer_list(text, "layer_types", "layers_block_type", "layer_block_type", "hybrid_layer_pattern")
    pattern = text.get("hybrid_override_pattern")
    if count is not None and count > LAYERS_MAX:
        return 0
    return count or len(types or ()) or (len(pattern.replace("|", "")) if isinstance(pattern, str) else 0)


def layer_list(text: Mapping[str, Any], *names: str) -> list[Any] | None:
    """The first of several keys that holds a list."""
    return next((text[name] for name in names if isinstance(text.get(name), list)), None)


def words(text: str) -> frozenset[str]:
    """A set out of one long string."""
    return frozenset(text.split())


class Values:
    """One thing under several names."""

    def __init__(self, values: Any) -> None:
        self._values: Mapping[str, Any] = values if isinstance(values, Mapping) else {}

    def integer(self, *names: str) -> int | None:
        """The first whole number, zero or more."""
        for name in names:
            value = self._values.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
                return value
        return None

    def by_layer(self, layers: int, *names: str) -> list[int] | None:
        """A whole number for each layer: one for all of them, or a list."""
        for name in names:
            value = self._values.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
                return [value] * layers
            if isinstance(value, list) and len(value) >= layers > 0 and all(type(each) is int for each in value):
                return list(value[:layers])
        return None

    def product(self, first: str, second: str) -> int | None:
        one, other = self.integer(first), self.integer(second)
        return one * other if one and other else None
