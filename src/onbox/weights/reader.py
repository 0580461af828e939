"""Bytes at an offset, from a file here or elsewhere: all that the header parsers ask of the world."""

from pathlib import Path
from typing import Protocol

from onbox.errors import UsageError
from onbox.input_files import kind_of_special


class Reader(Protocol):
    """A file that can be read in pieces.

    Attributes:
        name: what messages call it.
        size_bytes: of the whole file.
    """

    @property
    def name(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes.

        Raises:
            UsageError: the file ends before.
            BoxError: it cannot be reached.
        """
        ...


class LocalReader:
    """A file on this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = str(path)
        try:
            facts = path.stat()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise UsageError(f"{path}: {why}", "name a folder or file of weights") from error
        if word := kind_of_special(facts.st_mode):
            raise UsageError(f"{path}: is {word}, no file", "name a folder or file of weights")
        self.size_bytes = facts.st_size

    def read(self, offset: int, length: int) -> bytes:
        check_range(self, offset, length)
        try:
            with self._path.open("rb") as file:
                file.seek(offset)
                data = file.read(length)
        except OSError as error:
            raise UsageError(f"{self.name}: {error.strerror or error}") from error
        if len(data) != length:
            raise UsageError(f"{self.name}: ends at byte {offset + len(data):,}, {length - len(data):,} too early")
        return data


def check_range(reader: Reader, offset: int, length: int) -> None:
    """Refuse a read beyond the end before anything is allocated for it."""
    if length < 0 or offset < 0 or offset + length > reader.size_bytes:
        raise UsageError(
            f"{reader.name}: bytes {offset:,} to {offset + length:,} asked of a file of {reader.size_bytes:,}: "
            "truncated, or its header is wrong",
            "fetch the file again",
        )


class Cursor:
    """Reads a file from front to back through a buffer, so that many small fields cost few reads.

    Args:
        reader: the file.
        chunk_bytes: the most that is fetched ahead.
    """

    def __init__(self, reader: Reader, chunk_bytes: int = 1 << 20) -> None:
        self._reader = reader
        self._chunk_bytes = chunk_bytes
        self._buffer = b""
        self._start = 0
        self._position = 0

    @property
    def position(self) -> int:
        """Offset in the file of the next byte."""
        return self._start + self._position

    @property
    def remaining(self) -> int:
        """Bytes from here to the end of the file."""
        return self._reader.size_bytes - self.position

    def take(self, length: int) -> bytes:
        """The next `length` bytes; raises `UsageError` beyond the end."""
        if len(self._buffer) - self._position < length:
            self._fill(length)
        data = self._buffer[self._position : self._position + length]
        self._position += length
        return data

    def skip(self, length: int) -> None:
        """Pass over `length` bytes, without reading those that are not in the buffer."""
        if length > self.remaining:
            check_range(self._reader, self.position, length)
        if self._position + length <= len(self._buffer):
            self._position += length
        else:
            self._start, self._buffer, self._position = self.position + length, b"", 0

    def _fill(self, length: int) -> None:
        at = self.position
        check_range(self._reader, at, length)
        wanted = min(max(length, self._chunk_bytes), self._reader.size_bytes - at)
        self._buffer, self._start, self._position = self._reader.read(at, wanted), at, 0
