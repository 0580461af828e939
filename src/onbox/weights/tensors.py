"""Tensors as a header lists them, and the sizes of the types they are stored in."""

import math
from dataclasses import dataclass

from onbox.weights.ggml_types import ggml_blocks

# Bits per element, from the safetensors specification (README of huggingface/safetensors, `Dtype`).
SAFETENSORS_BITS: dict[str, int] = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip

# Elements and bytes of one block, by the type's number in a GGUF file.
GGML_BLOCKS: dict[int, tuple[str, int, int]] = ggml_blocks()


@dataclass(frozen=True, slots=True)
class Tensor:
    """One entry of a header.

    Args:
        name: as stored.
        dtype: the format's own name for it: `BF16`, `U8`, `Q4_K`.
        shape: slowest dimension first, as torch writes it (a GGUF file lists the reverse).
        nbytes: bytes in the file.
        file: the file that holds it.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    nbytes: int
    file: str

    @property
    def elements(self) -> int:
        """Stored elements: for a packed tensor these are containers, not weights."""
        return math.prod(self.shape)
