"""The header of a GGUF file: metadata and tensor table, with every count checked before it is believed.

The `gguf` library's own reader maps the whole file, makes an object of each vocabulary entry and takes counts from the
header on trust, so it suits neither a hostile file nor one that is read over a network. Its tables of types are used.
Source: docs/gguf.md of ggml-org/ggml.
"""

import bisect
import dataclasses
import math
import struct
from dataclasses import dataclass
from typing import Any

from onbox.errors import UsageError
from onbox.weights.reader import Cursor, Reader
from onbox.weights.tensors import GGML_BLOCKS, Tensor

VERSIONS = (2, 3)
HEADER_BYTES_MAX = 512 << 20
STRING_BYTES_MAX = 16 << 20
NAME_BYTES_MAX = 4096
DIMENSIONS_MAX = 4
KEPT_ARRAY_MAX = 4096
"""Arrays of numbers up to this length are kept (one entry a layer); longer ones and vocabularies are only counted."""
ALIGNMENT_MAX = 1 << 20
FOREIGN = "fork-type-"
"""Before the number of a tensor type that the installed gguf package does not list."""
FOREIGN_BITS = (0.9, 40.0)
"""Bits a weight that a type may have; outside of it the size that offsets give is not believed."""
UNSIZED = -1

# Value types of the specification: struct format by number. 8 is a string, 9 an array.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9


@dataclass(frozen=True)
class SkippedArray:
    """An array that was passed over: only its length is known."""

    length: int


@dataclass(frozen=True)
class GgufFile:
    """What the header says."""

    version: int
    metadata: dict[str, Any]
    tensors: list[Tensor]
    data_offset: int
    """Where the data begins."""
    end: int
    """Where the last tensor ends; the file may be padded behind it."""


def read_gguf(reader: Reader) -> GgufFile:
    """Read metadata and tensor table of one file.

    Raises:
        UsageError: it is no GGUF file, of another version, or its header breaks the format; file and field are named.
    """
    return _Parser(reader).parse()


class _Parser:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._file = reader.name
        self._cursor = Cursor(reader)

    def parse(self) -> GgufFile:
        if self._reader.size_bytes < 24:
            raise UsageError(
                f"{self._file}: {self._reader.size_bytes} bytes are too few for a GGUF header", "fetch the file again"
            )
        if self._cursor.take(4) != b"GGUF":
            raise UsageError(f"{self._file}: does not begin with GGUF", "fetch the file again")
        version = self._number("I")
        if version not in VERSIONS:
            swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
            kind = "big-endian" if swapped in VERSIONS else f"version {version}"
            raise UsageError(f"{self._file}: GGUF {kind} is not understood, only little-endian versions 2 and 3")
        tensor_count, pair_count = self._number("Q"), self._number("Q")
        self._fits("tensor count", tensor_count, 24)
        self._fits("metadata count", pair_count, 13)
        metadata: dict[str, Any] = {}
        for index in range(pair_count):
            key = self._string(f"metadata key {index}", NAME_BYTES_MAX)
            metadata[key] = self._value(self._number("I"), key)
        entries = [self._entry(index) for index in range(tensor_count)]
        alignment = metadata.get("general.alignment", 32)
        if type(alignment) is not int or not 0 < alignment <= ALIGNMENT_MAX or alignment & (alignment - 1):
            raise UsageError(f"{self._file}: general.alignment {alignment!r} is no power of two up to {ALIGNMENT_MAX}")
        start = -(-self._cursor.position // alignment) * alignment
        entries = self._sized(entries, self._reader.size_bytes - start)
        end = start + self._check_layout(entries, alignment, self._reader.size_bytes - start)
        return GgufFile(version, metadata, [tensor for _, tensor in entries], start, end)

    # ------------------------------------------------------------ fields

    def _number(self, kind: str) -> Any:
        return struct.unpack(f"<{kind}", self._cursor.take(struct.calcsize(f"<{kind}")))[0]

    def _fits(self, what: str, count: int, least_bytes: int) -> None:
        """Refuse a count whose entries, at their smallest, could not be in the rest of the file."""
        if count * least_bytes > min(self._cursor.remaining, HEADER_BYTES_MAX):
            raise UsageError(f"{self._file}: {what} {count:,} goes beyond the file", "fetch the file again")

    def _string(self, what: str, limit: int = STRING_BYTES_MAX) -> str:
        length = self._number("Q")
        if length > limit:
            raise UsageError(f"{self._file}: {what}: a string of {length:,} bytes is over the limit of {limit:,}")
        try:
            return self._cursor.take(length).decode("utf-8")
        except UnicodeDecodeError as error:
            raise UsageError(f"{self._file}: {what}: not UTF-8") from error

    def _value(self, kind: int, key: str) -> Any:
        if kind in _SCALARS:
            return self._number(_SCALARS[kind])
        if kind == _STRING:
            return self._cursor.take(self._length(key)).decode("utf-8", "replace")
        if kind == _ARRAY:
            return self._array(key)
        raise UsageError(f"{self._file}: {key}: value type {kind} is unknown to this version")

    def _length(self, key: str) -> int:
        length: int = self._number("Q")
        if length > STRING_BYTES_MAX:
            raise UsageError(f"{self._file}: {key}: a string of {length:,} bytes is over the limit")
        return length

    def _array(self, key: str) -> Any:
        kind, count = self._number("I"), self._number("Q")
        if kind == _STRING:
            self._fits(f"{key}: array length", count, 8)
            for _ in range(count):
                self._cursor.skip(self._length(key))
            return SkippedArray(count)
        if kind not in _SCALARS:
            raise UsageError(f"{self._file}: {key}: arrays of type {kind} are not understood")
        width = struct.calcsize(f"<{_SCALARS[kind]}")
        self._fits(f"{key}: array length", count, width)
        if count > KEPT_ARRAY_MAX:
            self._cursor.skip(count * width)
            return SkippedArray(count)
        return list(struct.unpack(f"<{count}{_SCALARS[kind]}", self._cursor.take(count * width)))

    def _entry(self, index: int) -> tuple[int, Tensor]:
        name = self._string(f"tensor {index}", NAME_BYTES_MAX)
        dimensions = self._number("I")
        if dimensions > DIMENSIONS_MAX:
            raise UsageError(f"{self._file}: {name}: {dimensions} dimensions, the format allows {DIMENSIONS_MAX}")
        sizes = struct.unpack(f"<{dimensions}Q", self._cursor.take(8 * dimensions))
        kind = self._number("I")
        elements = math.prod(sizes)
        if kind not in GGML_BLOCKS:  # a fork's: the next tensor's offset tells its size
            return self._number("Q"), Tensor(name, f"{FOREIGN}{kind}", tuple(reversed(sizes)), UNSIZED, self._file)
        dtype, block, block_bytes = GGML_BLOCKS[kind]
        if (sizes[0] if sizes else 1) % block:
            raise UsageError(f"{self._file}: {name}: rows of {sizes[0]} do not divide into {dtype} blocks of {block}")
        tensor = Tensor(name, dtype, tuple(reversed(sizes)), elements // block * block_bytes, self._file)
        return self._number("Q"), tensor

    def _sized(self, entries: list[tuple[int, Tensor]], data_bytes: int) -> list[tuple[int, Tensor]]:
        """Give tensors of types that no release of the gguf package has the room up to the next tensor."""
        if all(tensor.nbytes != UNSIZED for _, tensor in entries):
            return entries
        ends = sorted({*(offset for offset, _ in entries), data_bytes})
        found = []
        for offset, tensor in entries:
            if tensor.nbytes == UNSIZED:
                after = bisect.bisect_right(ends, offset)
                nbytes = ends[after] - offset if after < len(ends) else -1
                bits = 8 * nbytes / tensor.elements if tensor.elements else -1.0
                if not FOREIGN_BITS[0] <= bits <= FOREIGN_BITS[1]:
                    raise UsageError(
                        f"{self._file}: {tensor.name}: tensor type {tensor.dtype.removeprefix(FOREIGN)} is not in "
                        "the installed gguf package, and the offsets give it no size that weights could have",
                        "fetch the file again; if it is whole, a fork of the program that defines GGUF wrote it",
                    )
                tensor = dataclasses.replace(tensor, nbytes=nbytes)
            found.append((offset, tensor))
        return found

    def _check_layout(self, entries: list[tuple[int, Tensor]], alignment: int, data_bytes: int) -> int:
        """No tensor out of range, misaligned, twice or over another; returns the end of the last one."""
        end = 0
        names: set[str] = set()
        for offset, tensor in sorted(entries, key=lambda each: each[0]):
            if tensor.name in names:
                raise UsageError(f"{self._file}: {tensor.name}: listed twice")
            names.add(tensor.name)
            if offset % alignment:
                raise UsageError(f"{self._file}: {tensor.name}: offset {offset} is not aligned to {alignment}")
            if offset < end:
                raise UsageError(f"{self._file}: {tensor.name}: offset {offset} overlaps the tensor before it")
            end = offset + tensor.nbytes
            if end > data_bytes:
                raise UsageError(
                    f"{self._file}: {tensor.name}: ends {end - data_bytes:,} bytes past the end of the file: truncated",
                    "fetch the file again",
                )
        return end
