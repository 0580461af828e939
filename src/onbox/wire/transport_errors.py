"""Which kind of transport error an exception is."""

import socket
import ssl

import h11

from onbox.evidence.records import TransportError
from onbox.wire.decoding import ContentEncodingError
from onbox.wire.limits import LimitExceededError

_KINDS: tuple[tuple[type[BaseException], TransportError], ...] = (
    (LimitExceededError, TransportError.LIMIT),
    (ContentEncodingError, TransportError.ENCODING),
    (h11.ProtocolError, TransportError.PROTOCOL),
    (TimeoutError, TransportError.TIMED_OUT),
    (ConnectionRefusedError, TransportError.REFUSED),
    (socket.gaierror, TransportError.REFUSED),
    (ssl.SSLError, TransportError.REFUSED),
    (ConnectionError, TransportError.RESET),
)


def transport_error(problem: BaseException) -> TransportError:
    """The kind of an error that broke an exchange."""
    return next((kind for of, kind in _KINDS if isinstance(problem, of)), TransportError.OTHER)
