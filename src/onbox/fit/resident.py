"""The weights as an engine keeps them in memory, which need not be the types of the checkpoint."""

import dataclasses
from dataclasses import dataclass

from onbox.errors import UsageError
from onbox.weights.facts import Facts
from onbox.weights.parts import Part
from onbox.weights.tensors import GGML_BLOCKS

# Bytes of one weight with its scales. MXFP4: OCP Microscaling 1.0 (32 values, one 8-bit scale); NVFP4: 16 values, one
# 8-bit scale; INT4: a 16-bit scale for each group. Types of GGML come from the gguf package.
BYTES_PER_WEIGHT: dict[str, float] = {
    "f32": 4.0, "bf16": 2.0, "f16": 2.0, "fp8": 1.0, "int8": 1.0, "mxfp4": 17 / 32, "nvfp4": 9 / 16,
    "int4-g128": 0.5 + 2 / 128, "int4-g64": 0.5 + 2 / 64, "int4-g32": 0.5 + 2 / 32,
    **{name.lower(): size / block for name, block, size in GGML_BLOCKS.values() if name not in ("NVFP4", "MXFP4")},
}  # fmt: skip

_EVERYTHING = (Part.EXPERTS, Part.SHARED, Part.QKV, Part.OUTPUT, Part.LINEAR, Part.MLP, Part.LM_HEAD)
_PART_NAMES: dict[str, tuple[Part, ...]] = {
    **{str(part): (part,) for part in (*_EVERYTHING, Part.ROUTER, Part.EMBEDDING)},
    "moe": (Part.EXPERTS,),
    "attention": (Part.QKV, Part.OUTPUT),
    "all": _EVERYTHING,
}

Overrides = dict[Part, str]


@dataclass(frozen=True)
class Resident:
    """What is resident and what a step reads of it, in bytes."""

    label: str
    """The overrides in words; `as stored` without any."""
    weights_bytes: float
    """In memory; draft layers are left out unless speculation is on."""
    experts_bytes: float
    """Routed experts that one token reads."""
    dense_bytes: float
    """Everything else that one step reads, for any number of tokens; the looked-up rows are in `row_bytes`."""
    row_bytes: float
    """Embedding rows of one token."""


def parse_overrides(text: str) -> Overrides:
    """Read `part=dtype,...`, for example `moe=mxfp4,attention=fp8,lm_head=bf16`.

    Raises:
        UsageError: an unknown part or type; the message lists those that are known.
    """
    overrides: Overrides = {}
    for item in text.split(","):
        name, equals, dtype = item.strip().partition("=")
        if not equals or name not in _PART_NAMES:
            raise UsageError(
                f"--resident {item.strip()!r}: no such part", f"parts are {', '.join(sorted(_PART_NAMES))}"
            )
        if dtype.lower() not in BYTES_PER_WEIGHT:
            known = ", ".join(sorted(BYTES_PER_WEIGHT))
            raise UsageError(f"--resident {item.strip()}: type {dtype!r} is unknown", f"types are {known}")
        overrides.update(dict.fromkeys(_PART_NAMES[name], dtype.lower()))
    return overrides


def resident(facts: Facts, overrides: Overrides | None = None, *, draft: bool = False) -> Resident:
    """Weigh the model with some parts kept in another type than they are stored in.

    Biases, norms, sinks and convolutions are never touched: engines requantise matrices.

    Args:
        facts: of the checkpoint.
        overrides: type by part.
        draft: whether the draft layers are loaded too. What they read is left out, so that a ceiling stays one.
    """
    overrides = overrides or {}
    kept = experts = dense = 0.0
    for group in facts.groups:
        if group.part == Part.DRAFT:
            kept += group.nbytes if draft else 0
            continue
        dtype = overrides.get(Part(group.part))
        nbytes = group.parameters * BYTES_PER_WEIGHT[dtype] if dtype and group.matrices else float(group.nbytes)
        kept += nbytes
        if group.part == Part.EXPERTS:
            experts += nbytes * facts.active_share(group.part)
        else:
            dense += nbytes * facts.active_share(group.part)
    head = overrides.get(Part.LM_HEAD)
    if facts.tied and head:
        copy = facts.tied_parameters * BYTES_PER_WEIGHT[head]
        kept, dense = kept + copy, dense + copy
    else:
        dense += facts.tied_bytes
    label = ", ".join(f"{part}={dtype}" for part, dtype in overrides.items()) or "as stored"
    return Resident(label, kept, experts, dense, facts.embedding_row_bytes)


def plausible(facts: Facts) -> list[tuple[str, Overrides]]:
    """Precisions that an engine may hold this checkpoint in when nobody says which.

    Tensors of GGUF are kept as they are. Other engines may requantise what a quantised checkpoint left in 16 bit
    (`--mxfp4-layers moe,qkv,o,lm_head`), so each step from the checkpoint's own types down to its smallest is listed.
    """
    stored: list[tuple[str, Overrides]] = [("as stored", {})]
    if facts.format == "gguf":
        return stored
    wide = {Part(group.part) for group in facts.groups if group.matrices and group.dtype in ("bf16", "f16", "f32")}
    wide = {part for part in wide if part in _EVERYTHING}
    narrow = [
        group for group in facts.groups if group.matrices and group.dtype in BYTES_PER_WEIGHT and group.parameters
    ]
    smallest = min(narrow, key=lambda group: BYTES_PER_WEIGHT[group.dtype], default=None)
    if not wide or smallest is None or BYTES_PER_WEIGHT[smallest.dtype] >= 2:
        return stored
    steps: list[tuple[str, Overrides]] = []
    if BYTES_PER_WEIGHT[smallest.dtype] < 1:
        steps.append(("16-bit parts in fp8", dict.fromkeys(sorted(wide), "fp8")))
    steps.append((f"16-bit parts in {smallest.dtype}", dict.fromkeys(sorted(wide), smallest.dtype)))
    return stored + steps


def with_label(weighed: Resident, label: str) -> Resident:
    """The same with another label."""
    return dataclasses.replace(weighed, label=label)
