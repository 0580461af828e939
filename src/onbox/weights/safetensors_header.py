"""The header of a safetensors file, read as strictly as the format's own library does.

Source: the format section of the README of huggingface/safetensors: 8 bytes little-endian length, that many bytes of
JSON `{name: {dtype, shape, data_offsets}}`, then the data, with no holes and no overlaps, up to the end of the file.
"""

import json
from typing import Any, TypeGuard

from onbox.errors import UsageError
from onbox.weights.reader import Reader
from onbox.weights.tensors import SAFETENSORS_BITS, Tensor

HEADER_BYTES_MAX = 100_000_000
"""The limit of the format's own library."""
DIMENSIONS_MAX = 16


def read_safetensors(reader: Reader) -> list[Tensor]:
    """The tensors of one file, in the order of their data.

    Raises:
        UsageError: the header breaks the format; the message names file and field.
    """
    length = int.from_bytes(reader.read(0, 8), "little") if reader.size_bytes >= 8 else -1
    if length < 0:
        raise UsageError(f"{reader.name}: {reader.size_bytes} bytes are too few for a safetensors header")
    if length > reader.size_bytes - 8:
        raise UsageError(
            f"{reader.name}: header length {length:,} goes beyond the file of {reader.size_bytes:,} bytes",
            "fetch the file again; if it is whole, it is no safetensors file",
        )
    if length > HEADER_BYTES_MAX:
        raise UsageError(f"{reader.name}: header length {length:,} is over the format's limit of {HEADER_BYTES_MAX:,}")
    header = _parse(reader.read(8, length), reader.name)
    data_bytes = reader.size_bytes - 8 - length
    header.pop("__metadata__", None)
    entries = [(_offsets(name, entry, data_bytes, reader.name), name, entry) for name, entry in header.items()]
    entries.sort(key=lambda each: (each[0], each[1]))
    tensors = []
    end = 0
    for (begin, stop), name, entry in entries:
        if begin != end:
            what = "overlaps the tensor before it" if begin < end else f"leaves a hole of {begin - end:,} bytes"
            raise UsageError(f"{reader.name}: {_short(name)}: data_offsets [{begin}, {stop}] {what}")
        tensors.append(_tensor(name, entry, stop - begin, reader.name))
        end = stop
    if end != data_bytes:
        raise UsageError(f"{reader.name}: {data_bytes - end:,} bytes of data belong to no tensor", "fetch it again")
    return tensors


def _parse(raw: bytes, file: str) -> dict[str, Any]:
    try:
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=lambda pairs: _unique(pairs, file))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file}: the header is not JSON: {str(error)[:120]}") from error
    if not isinstance(header, dict):
        raise UsageError(f"{file}: the header is no JSON object")
    return header


def _unique(pairs: list[tuple[str, Any]], file: str) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UsageError(f"{file}: the header names a tensor or a field twice")
    return found


def _offsets(name: str, entry: Any, data_bytes: int, file: str) -> tuple[int, int]:
    offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
    if not _whole_numbers(offsets) or len(offsets) != 2:
        raise UsageError(f"{file}: {_short(name)}: data_offsets is not a pair of whole numbers")
    begin, stop = offsets
    if begin > stop or stop > data_bytes:
        raise UsageError(f"{file}: {_short(name)}: data_offsets [{begin}, {stop}] out of range of {data_bytes:,} bytes")
    return begin, stop


def _tensor(name: str, entry: dict[str, Any], nbytes: int, file: str) -> Tensor:
    dtype, shape = entry.get("dtype"), entry.get("shape")
    if not isinstance(dtype, str) or dtype not in SAFETENSORS_BITS:
        raise UsageError(f"{file}: {_short(name)}: dtype {str(dtype)[:40]!r} is unknown to this version")
    if not _whole_numbers(shape) or len(shape) > DIMENSIONS_MAX:
        raise UsageError(f"{file}: {_short(name)}: shape is not a list of at most {DIMENSIONS_MAX} whole numbers")
    tensor = Tensor(name, dtype, tuple(shape), nbytes, file)
    if tensor.elements * SAFETENSORS_BITS[dtype] != nbytes * 8:
        raise UsageError(
            f"{file}: {_short(name)}: shape {list(shape)} of {dtype} does not take the {nbytes:,} bytes of data_offsets"
        )
    return tensor


def _whole_numbers(value: Any) -> TypeGuard[list[int]]:
    if not isinstance(value, list):
        return False
    for each in value:  # noqa: SIM110 - a generator takes twice the time, and models have 100,000 tensors
        if type(each) is not int or each < 0:
            return False
    return True


def _short(name: str) -> str:
    return name if len(name) <= 120 else f"{name[:117]}..."
