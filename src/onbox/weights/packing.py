"""From stored tensors to weights: which tensors belong together, how many parameters they hold, in what type.

Quantised checkpoints store one matrix as several tensors: packed integers, scales, zero points. The bytes of all of
them count; the parameters are those of the matrix. What cannot be decoded is an error, never a guess.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from math import prod
from typing import Any

from onbox.errors import UsageError
from onbox.weights.gguf_header import FOREIGN
from onbox.weights.tensors import Tensor

_FLOATS = {
    "BF16": "bf16", "F16": "f16", "F32": "f32", "F64": "f64", "F8_E4M3": "fp8", "F8_E5M2": "fp8",
    "F8_E4M3FNUZ": "fp8", "F8_E5M2FNUZ": "fp8", "F6_E2M3": "fp6", "F6_E3M2": "fp6",
}  # fmt: skip

# Suffixes of the tensor that holds the matrix itself; the empty one is a bare parameter.
_MAIN = (".qweight", ".q_weight", ".trellis", ".weight_packed", "_packed", "_blocks", ".weight", "")
# Suffixes of what comes with it, by role.
_COMPANIONS = {
    ".weight_scale_inv": "scale", ".weight_scale_2": "scale_2", ".weight_scale": "scale",
    ".weight_global_scale": "scale_2", "_global_scale": "scale_2", "_scale_inv": "scale", "_scale_2": "scale_2",
    "_scale": "scale", ".scales": "scale", "_scales": "scale", ".qzeros": "zeros", ".weight_zero_point": "zeros",
    ".biases": "zeros", ".g_idx": "rest", ".weight_g_idx": "rest", ".weight_shape": "rest", ".input_scale": "rest",
    ".input_global_scale": "rest", "_input_scale": "rest", ".output_scale": "rest", ".SCB": "scale",
    ".scale": "scale", ".pre_quant_scale": "rest", ".weight_format": "rest", ".k_scale": "rest", ".v_scale": "rest",
    ".suh": "signs", ".svh": "signs2", ".su": "signs", ".sv": "signs2", ".mcg": "rest", ".mul1": "rest",
    ".q_scale": "scale", ".q_scale_max": "rest", ".q_groups": "rest", ".q_group_map": "rest", ".q_perm": "rest",
    ".q_invperm": "order", ".weight.absmax": "absmax", ".weight.quant_map": "rest",
    ".weight.nested_absmax": "rest", ".weight.nested_quant_map": "rest",
    ".weight.quant_state.bitsandbytes__nf4": "rest", ".weight.quant_state.bitsandbytes__fp4": "rest",
}  # fmt: skip
_COMPANION = re.compile("(" + "|".join(re.escape(each) for each in sorted(_COMPANIONS, key=len, reverse=True)) + ")$")
BUFFER_BYTES_MAX = 1 << 20
"""A whole-number tensor without scales up to this size is a buffer (positions, indices)."""
_TABLES = ("I64", "U64", "BOOL")
"""Types that no packing uses: tables of numbers (expert by token, positions), of any size."""
_PACKS_IN_TABLES = ("spqr",)
_KNOWN_METHODS = (
    "auto-round", "awq", "bitsandbytes", "compressed-tensors", "exl2", "exl3", "fbgemm_fp8", "fp8", "gptq", "modelopt",
    "modelopt_fp4", "mxfp4",
)  # fmt: skip
"""Methods (`quant_method`) whose matrices are decoded here: none of them is a bare parameter of whole numbers."""
_MLX_MODES = {"mxfp4": "mxfp4", "nvfp4": "nvfp4", "mxfp8": "fp8"}
"""What MLX's `mode` of a quantisation stores in U32."""
_E8M0_FP4_CONTAINERS = 16
"""Bytes of two FP4 values each under one E8M0 scale (OCP Microscaling 1.0: 32 values)."""


@dataclass(frozen=True, slots=True)
class Weight:
    """One matrix or vector of the model.

    Args:
        name: the module's path, without `.weight`.
        dtype: `bf16`, `fp8`, `mxfp4`, `int4-g128`, `q4_k`, ...
        parameters: what the model's makers count; 0 for a buffer.
        nbytes: with scales, zero points and all.
        shape: of the decoded matrix, rows (outputs) first; None where the packing hides it.
    """

    name: str
    dtype: str
    parameters: int
    nbytes: int
    shape: tuple[int, ...] | None

    @property
    def is_matrix(self) -> bool:
        """Whether a runtime could requantise it: biases, norms and convolutions are not touched."""
        bias = self.name.endswith(("_bias", ".bias"))
        return not bias and "conv1d" not in self.name and (self.shape is None or len(self.shape) >= 2)


def gguf_weights(tensors: Iterable[Tensor]) -> list[Weight]:
    """GGUF tensors are whole: a block carries its scales."""
    return [
        Weight(each.name.removesuffix(".weight"), each.dtype.lower(), each.elements, each.nbytes, each.shape)
        for each in tensors
    ]


def foreign_types(tensors: Iterable[Tensor]) -> list[str]:
    """A remark on tensor types that the installed gguf package does not list; nothing without any."""
    kinds = Counter(each.dtype for each in tensors if each.dtype.startswith(FOREIGN))
    return [
        f"{count} tensors are of type {kind.removeprefix(FOREIGN)}, which gguf {version('gguf')} does not list: "
        "a fork's type, sized by the next tensor's offset"
        for kind, count in sorted(kinds.items())
    ]


def safetensors_weights(tensors: Iterable[Tensor], config: dict[str, Any]) -> list[Weight]:
    """Put packed tensors and their companions together.

    Args:
        tensors: of all files.
        config: `config.json`; its quantisation section is asked only where shapes do not tell.

    Raises:
        UsageError: a packing that is not understood; the tensor is named.
    """
    by_name = {each.name: each for each in tensors}
    companions: dict[str, dict[str, Tensor]] = defaultdict(dict)
    mains = []
    for name, tensor in by_name.items():
        match = _COMPANION.search(name)
        base = name[: match.start()] if match else ""
        if match and any(base + suffix in by_name for suffix in _MAIN):
            role = _COMPANIONS[match.group(1)]
            companions[base].setdefault(role, tensor)
            if companions[base][role] is not tensor:
                companions[base][f"{role}:{name}"] = tensor
        else:
            mains.append(tensor)
    quantization = _quantization(config)
    return [_decode(tensor, companions, quantization) for tensor in mains]


def _decode(tensor: Tensor, companions: dict[str, dict[str, Tensor]], quantization: dict[str, Any]) -> Weight:
    suffix = next(each for each in _MAIN if tensor.name.endswith(each))
    base = tensor.name[: len(tensor.name) - len(suffix)]
    companion = companions.get(base, {})
    nbytes = tensor.nbytes + sum(each.nbytes for each in companion.values())
    if tensor.dtype in _FLOATS:
        return Weight(base, _FLOATS[tensor.dtype], tensor.elements, nbytes, tensor.shape)
    dtype, shape, parameters = _packed(tensor, suffix, base, companion, quantization)
    return Weight(base, dtype, parameters, nbytes, shape)


def _packed(
    tensor: Tensor, suffix: str, base: str, companion: dict[str, Tensor], quantization: dict[str, Any]
) -> tuple[str, tuple[int, ...] | None, int]:
    """Type, shape and parameters of what is not stored as floating point numbers."""
    scale = companion.get("scale")
    if suffix in (".trellis", ".q_weight"):
        return _exllama(tensor, suffix, companion)
    if suffix == "_blocks" and tensor.dtype == "U8" and scale is not None and len(tensor.shape) >= 3:
        rows, blocks, width = tensor.shape[:-2], tensor.shape[-2], tensor.shape[-1]
        if width == 16 and scale.elements * 16 == tensor.elements:
            return "mxfp4", (*rows, blocks * 32), tensor.elements * 2
    elif tensor.dtype in ("U8", "I8") and "absmax" in companion:
        kind = "fp4" if any("__fp4" in key for key in companion) else "nf4"
        return kind, None, tensor.elements * 2
    elif tensor.dtype == "F4" or (tensor.dtype == "U8" and scale is not None):
        per_container = 1 if tensor.dtype == "F4" else 2
        elements = tensor.elements * per_container
        group = elements / scale.elements if scale is not None and scale.elements else 0
        kind = {16: "nvfp4", 32: "mxfp4"}.get(int(group), "") if group == int(group) else ""
        if kind and not (tensor.dtype == "U8" and scale is not None and _is_row_packed(tensor, scale)):
            return kind, (*tensor.shape[:-1], tensor.shape[-1] * per_container), elements
        if scale is not None and _is_row_packed(tensor, scale):
            return _row_packed(tensor, scale)
    elif tensor.dtype == "I8" and scale is not None and scale.dtype == "F8_E8M0":
        if scale.elements * _E8M0_FP4_CONTAINERS == tensor.elements:
            return "mxfp4", (*tensor.shape[:-1], tensor.shape[-1] * 2), tensor.elements * 2
        if scale.elements * 2 * _E8M0_FP4_CONTAINERS == tensor.elements:
            return "mxint8", tensor.shape, tensor.elements
    elif tensor.dtype == "I8" and scale is not None:
        return "int8", tensor.shape, tensor.elements
    elif tensor.dtype in ("I32", "U32") and scale is not None and len(tensor.shape) >= 2:
        return _integers(tensor, suffix, base, scale, companion.get("zeros"), quantization)
    elif scale is None and (tensor.nbytes <= BUFFER_BYTES_MAX or _is_table(tensor, suffix, quantization)):
        return tensor.dtype.lower(), tensor.shape, 0
    raise UsageError(
        f"{tensor.file}: {tensor.name}: {tensor.dtype} {list(tensor.shape)} is a packing unknown to this version",
        "please report the model's name; its size is not known",
    )


def _is_table(tensor: Tensor, suffix: str, quantization: dict[str, Any]) -> bool:
    """Plain numbers, however many: a type that nothing is packed in, or a bare parameter of whole numbers.

    A bare parameter holds the weights themselves in some methods (codes, indices: AQLM, VPTQ, QuIP#, SpQR; Marlin's own
    format, also of GPTQ; HQQ), and perhaps in one that is not known here: then it is not taken for a table.
    """
    if tensor.dtype in _TABLES:
        return quantization.get("quant_method") not in _PACKS_IN_TABLES
    return tensor.dtype in ("I32", "I16") and suffix == "" and not _packs_in_bare(quantization)


def _packs_in_bare(quantization: dict[str, Any]) -> bool:
    """Whether the method may keep its weights in bare parameters; MLX's section names a group size and no method."""
    if "marlin" in str(quantization.get("checkpoint_format")) or quantization.get("is_marlin_format"):
        return True
    method = quantization.get("quant_method")
    decoded = "group_size" in quantization if method is None else method in _KNOWN_METHODS
    return bool(quantization) and not decoded


def _is_row_packed(tensor: Tensor, scale: Tensor) -> bool:
    """INT4 as ModelOpt's W4A16_AWQ stores it: two rows in a byte, one scale for some columns of each row."""
    if len(tensor.shape) < 2 or len(scale.shape) != len(tensor.shape) or not scale.shape[-1]:
        return False
    rows = tensor.shape[-2] * 2
    return rows == scale.shape[-2] and tensor.shape[-1] % scale.shape[-1] == 0 and scale.dtype in ("BF16", "F16", "F32")


def _row_packed(tensor: Tensor, scale: Tensor) -> tuple[str, tuple[int, ...], int]:
    shape = (*tensor.shape[:-2], tensor.shape[-2] * 2, tensor.shape[-1])
    return f"int4-g{tensor.shape[-1] // scale.shape[-1]}", shape, prod(shape)


def _exllama(tensor: Tensor, suffix: str, companion: dict[str, Tensor]) -> tuple[str, tuple[int, ...], int]:
    """EXL3: tiles of 16 x 16 weights, 16 numbers of 16 bits for each bit of a weight. EXL2: rows of mixed widths.

    Source: exllamav3, modules/quant/exl3.py; exllamav2, linear.py.
    """
    order = companion.get("order")
    if suffix == ".trellis" and tensor.dtype == "I16" and len(tensor.shape) >= 3 and tensor.shape[-1] % 16 == 0:
        shape = (*tensor.shape[:-3], tensor.shape[-2] * 16, tensor.shape[-3] * 16)
        return f"exl3-{tensor.shape[-1] // 16}bpw", shape, prod(shape)
    if suffix == ".q_weight" and tensor.dtype == "I32" and len(tensor.shape) == 2 and order is not None:
        shape = (tensor.shape[1], order.elements)
        return "exl2", shape, prod(shape)
    raise UsageError(
        f"{tensor.file}: {tensor.name}: {tensor.dtype} {list(tensor.shape)} is no packing of exllama",
        "see that the checkpoint is whole",
    )


def _integers(
    tensor: Tensor, suffix: str, base: str, scale: Tensor, zeros: Tensor | None, quantization: dict[str, Any]
) -> tuple[str, tuple[int, ...], int]:
    """GPTQ, AWQ, AutoRound (`qweight`), compressed-tensors (`weight_packed`) and MLX (`weight` as U32)."""
    bits: float = 0
    mode = ""
    if suffix == ".qweight" and tensor.shape[-1] == scale.shape[-1]:  # GPTQ: rows are packed inputs
        zero_bits = 32 * zeros.shape[-1] / scale.shape[-1] if zeros is not None else 0
        bits = zero_bits or _bits_of(quantization, base)
        inputs, outputs = tensor.shape[-2] * 32 / bits if bits else 0, tensor.shape[-1]
        groups = scale.shape[-2] if len(scale.shape) >= 2 else 1
    elif suffix == ".qweight":  # AWQ: columns are packed outputs
        bits = 32 * tensor.shape[-1] / scale.shape[-1] if scale.shape[-1] else 0
        inputs, outputs = tensor.shape[-2], scale.shape[-1]
        groups = scale.shape[-2] if len(scale.shape) >= 2 else 1
    else:  # rows are outputs, columns packed inputs
        own = _module_section(quantization, base) if tensor.dtype == "U32" else {}
        group = own.get("group_size")
        mode = _MLX_MODES.get(str(own.get("mode")), "")
        bits = 32 * tensor.shape[-1] / (scale.shape[-1] * group) if group else _bits_of(quantization, base)
        inputs, outputs = tensor.shape[-1] * 32 / bits if bits else 0, tensor.shape[-2]
        groups = scale.shape[-1]
    whole = bits in (2, 3, 4, 5, 6, 8) and inputs == int(inputs) and groups > 0
    if not whole:
        raise UsageError(
            f"{tensor.file}: {tensor.name}: {list(tensor.shape)} with scales {list(scale.shape)} is no packing of "
            "2 to 8 bits",
            "see that config.json of the same checkpoint lies beside the weights",
        )
    group_size = int(inputs) // groups
    label = mode or f"int{int(bits)}-g{group_size}" if mode or groups > 1 else f"int{int(bits)}-channel"
    shape = (*tensor.shape[:-2], outputs, int(inputs))
    return label, shape, prod(shape)


def _quantization(config: dict[str, Any]) -> dict[str, Any]:
    for holder in (config, config.get("text_config")):
        for key in ("quantization_config", "compression_config", "quantization", "quip_params"):
            found = holder.get(key) if isinstance(holder, dict) else None
            if isinstance(found, dict):
                return found
    return {}


def _module_section(quantization: dict[str, Any], module: str) -> dict[str, Any]:
    """MLX's settings of a module: those that bear its name, else those of the whole model."""
    own = quantization.get(module)
    return {**quantization, **own} if isinstance(own, dict) else quantization


def _bits_of(quantization: dict[str, Any], module: str) -> int:
    """Bits of a module by the configuration: of compressed-tensors' group that targets it, or of the whole."""
    groups = quantization.get("config_groups")
    if not isinstance(groups, dict):
        bits = quantization.get("bits", quantization.get("w_bit", 0))
        return bits if type(bits) is int else 0
    found = {}
    for group in groups.values():
        weights = group.get("weights") if isinstance(group, dict) else None
        bits = weights.get("num_bits") if isinstance(weights, dict) else None
        if type(bits) is int:
            targets = group.get("targets") or []
            found[bits] = [each for each in targets if isinstance(each, str)]
    if len(found) == 1:
        return next(iter(found))
    exact = [bits for bits, targets in found.items() if any(_targets(each, module) for each in targets)]
    return exact[0] if len(exact) == 1 else 0


def _targets(target: str, module: str) -> bool:
    if not target.startswith("re:"):
        return module == target or module.endswith(f".{target}")
    try:
        return re.match(target[3:], module) is not None
    except re.error:
        return False
