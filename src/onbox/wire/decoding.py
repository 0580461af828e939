"""Undo a compression that nobody asked for, socket read by socket read, so that every stamp keeps its bytes."""

import zlib

KNOWN = ("gzip", "x-gzip", "deflate")
LIMIT_BYTES = 2**27
EITHER_HEADER = zlib.MAX_WBITS | 32
"""Tells zlib to find out by itself whether the data is gzip or zlib."""


class ContentEncodingError(Exception):
    """The body is compressed in a way that cannot be undone; the message says what came."""


class Decoder:
    """Decompresses a body as it arrives.

    Args:
        encoding: the content-encoding of the response; empty or `identity` for none.

    Raises:
        ContentEncodingError: it is none of `KNOWN`.
    """

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding.strip().lower()
        self._zlib = zlib.decompressobj(EITHER_HEADER) if self._encoding in KNOWN else None
        if self._zlib is None and self._encoding not in ("", "identity"):
            raise ContentEncodingError(f"the body is compressed with {encoding[:40]}, though identity was asked for")

    def feed(self, data: bytes, limit_bytes: int = LIMIT_BYTES) -> bytes:
        """What these bytes hold; it may be nothing yet.

        Args:
            data: of one socket read.
            limit_bytes: more is not undone: a result that is longer is cut off one byte behind it.

        Raises:
            ContentEncodingError: they are not what the header announced.
        """
        if self._zlib is None:
            return data
        found = bytearray()
        try:
            while data and len(found) <= limit_bytes:
                if self._zlib.eof:
                    self._zlib = zlib.decompressobj(EITHER_HEADER)
                found += self._zlib.decompress(data, limit_bytes - len(found) + 1)
                data = self._zlib.unused_data or self._zlib.unconsumed_tail
        except zlib.error as error:
            raise ContentEncodingError(f"the body is announced as {self._encoding} and is not: {error}") from error
        return bytes(found)

    def end(self) -> None:
        """The body is over.

        Raises:
            ContentEncodingError: it was cut off.
        """
        if self._zlib is not None and not self._zlib.eof:
            raise ContentEncodingError(f"the {self._encoding} body was cut off")
