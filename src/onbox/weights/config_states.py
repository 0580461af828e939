"""The size of recurrent state by `config.json`: linear attention, Mamba, short convolutions, RWKV.

Shapes as the caches of transformers 5.24 (cache_utils.py and the modelling file of each model) and the state shapes of
the reader of configurations in `sources.py` (`model_executor/layers/mamba/mamba_utils.py`) have them: a
convolution keeps one input less than its kernel.
"""

from collections.abc import Mapping
from typing import Any

from onbox.weights.config_values import Values
from onbox.weights.plans import StateShape

FLOAT_BYTES = {"float32": 4, "float": 4, "float16": 2, "bfloat16": 2, "f32": 4, "f16": 2, "bf16": 2}


def state_shape(name: str, text: Mapping[str, Any]) -> StateShape | None:
    """State of one recurrent layer; None where the configuration does not tell."""
    element = FLOAT_BYTES.get(str(text.get("mamba_ssm_cache_dtype") or text.get("mamba_ssm_dtype")), 4)
    for reader in (_short_convolution, _delta_net, _kimi_delta, _mamba2, _mamba1, _lightning, _rwkv, _rglru):
        found = reader(name, text, element)
        if found is not None:
            return found
    return None


def _short_convolution(name: str, text: Mapping[str, Any], element: int) -> StateShape | None:
    get = Values(text)
    kernel, width = get.integer("conv_L_cache"), get.integer("conv_dim", "hidden_size")
    return StateShape(0, width * (kernel - 1), label="short convolution") if kernel and width else None


def _delta_net(name: str, text: Mapping[str, Any], element: int) -> StateShape | None:
    """Gated DeltaNet (Qwen3-Next, Qwen3.5, OLMo hybrid): value heads x value dimension x key dimension."""
    get = Values(text)
    values, key = get.product("linear_num_value_heads", "linear_value_head_dim"), get.integer("linear_key_head_dim")
    keys = get.product("linear_num_key_heads", "linear_key_head_dim")
    kernel = get.integer("linear_conv_kernel_dim")
    if not values or not key or not keys or not kernel:
        return None
    return StateShape(values * key, (values + 2 * keys) * (kernel - 1), element)


def _kimi_delta(name: str, text: Mapping[str, Any], element: int) -> StateShape | None:
    """Kimi Delta Attention: heads x dimension squared, and a convolution each for q, k and v."""
    inner, get = Values(text.get("linear_attn_config")), Values(text)
    heads = inner.integer("num_heads") or get.integer("linear_num_heads")
    size = inner.integer("head_dim") or get.integer("linear_head_dim")
    kernel = inner.integer("short_conv_kernel_size") or get.integer("linear_conv_kernel_dim")
    if not heads or not size or not kernel:
        return None
    return StateShape(heads * size * size, 3 * heads * size * (kernel - 1), element)


def _mamba2(name: str, text: Mapping[str, Any], element: int) -> StateShape | None:
    get = Values(text)
    heads = get.integer("mamba_num_heads", "mamba_n_heads", "n_mamba_heads") or (
        get.integer("num_heads") if name == "mamba2" else None)  # fmt: skip
    size = get.integer("mamba_head_dim", "mamba_d_head", "mamba_headdim") or (
        get.integer("head_dim") if name == "mamba2" else None)  # fmt: skip
    inner = get.integer("mamba_d_ssm") or (heads * size if heads and size else None)
    state = get.integer("ssm_state_size", "mamba_d_state", "state_size")
    groups = get.integer("n_groups", "mamba_n_groups", "mamba_ngroups")
    kernel = get.integer("conv_kernel", "mamba_d_conv")
    if not inner or not state or not groups or not kernel:
        return None
    return StateShape(inner * state, (inner + 2 * groups * state) * (kernel - 1), element)


def _mamba1(name: str, text: Mapping[str, Any], element: int) -> StateShape | None:
    """Mamba: no heads, no groups; the convolution runs over the inner channels alone."""
    get = Values(text)
    if get.integer("mamba_num_heads", "mamba_n_heads", "n_mamba_heads", "num_heads"):
        return None
    expand, hidden = get.integer("mamba_expand", "expand"), get.integer("hidden_size")
    state, kernel = get.integer("mamba_d_state", "state_size"), get.integer("mamba_d_conv", "conv_kernel")
    inner = get.integer("intermediate_size") if name in ("mamba", "falcon_mamba") else None
    inner = inner or (expand * hidden if expand and hidden else None)
    if not inner or not state or not kernel:
        return None
    return StateShape(inner * state, inner * (kernel - 1), element)


def _lightning(name: str, text: Mapping[str, Any], element: int) -> StateShape | None:
    """Lightning attention (MiniMax-01, Ling and Ring linear): a matrix of keys and values a head, no convolution."""
    if "attn_type_list" not in text and "layer_group_size" not in text and name != "minimax":
        return None
    get = Values(text)
    heads, hidden = get.integer("num_attention_heads"), get.integer("hidden_size")
    size = get.integer("head_dim") or (hidden // heads if hidden and heads else None)
    return StateShape(heads * size * size, 0, element) if heads and size else None


def _rwkv(name: str, text: Mapping[str, Any], element: int) -> StateShape | None:
    """RWKV 6 and 7: a square matrix a head, and the last token for time mix and for channel mix."""
    if not name.startswith(("rwkv6", "rwkv7")):
        return None
    get = Values(text)
    size, hidden = (
        get.integer("head_dim", "rwkv_head_size", "head_size", "head_size_divisor"),
        get.integer("hidden_size"),
    )
    return StateShape(hidden * size, 2 * hidden, element) if size and hidden else None


def _rglru(name: str, text: Mapping[str, Any], element: int) -> StateShape | None:
    get = Values(text)
    width, kernel = get.integer("lru_width") or get.integer("hidden_size"), get.integer("conv1d_width")
    return StateShape(width, width * (kernel - 1), element) if width and kernel and "block_types" in text else None
