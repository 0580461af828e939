"""Undo a compression that nobody asked for, socket read by socket read, so that every stamp keeps its bytes."""

import zlib

KNOWN = ("gzip", "x-gzip", "deflate")
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
            raise ContentEncodingError(f"the body is compressed with {encoding}, though identity was asked for")

    def feed(self, data: bytes) -> bytes:
        """What these bytes hold; it may be nothing yet.

        Raises:
            ContentEncodingError: they are not what the header announced.
        """
        if self._zlib is None:
            return data
        found = b""
        try:
            while data:
                if self._zlib.eof:
                    self._zlib = zlib.decompressobj(EITHER_HEADER)
                found += self._zlib.decompress(data)
                data = self._zlib.unused_data
        except zlib.error as error:
            raise ContentEncodingError(f"the body is announced as {self._encoding} and is not: {error}") from error
        return found

    def end(self) -> None:
        """The body is over.

        Raises:
            ContentEncodingError: it was cut off.
        """
        if self._zlib is not None and not self._zlib.eof:
            raise ContentEncodingError(f"the {self._encoding} body was cut off")
