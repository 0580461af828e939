"""An exchange that is put on record while it passes the proxy: what was read, when, with every key taken out."""

import time
from typing import Any

import h11

from onbox.atomic_files import utc_now
from onbox.evidence.records import Exchange, TransportError
from onbox.wire.client import KEPT_HEADERS
from onbox.wire.decoding import ContentEncodingError, Decoder
from onbox.wire.limits import BodyMeter, LimitExceededError, WireLimits, kept
from onbox.wire.redaction import redacted, redacted_chunks, redacted_path, redacted_text


class ExchangeRecorder:
    """An exchange while it happens.

    Args:
        number: in the run, from 1.
        purpose: `agent`, or what the run took the request for.
        method: of the request.
        path: of the request, counted from the root of the server.
        body: of the request, parsed where it is JSON.
        secrets: what must not be on record, wherever it stands.
        limits: of the reply.
    """

    def __init__(
        self,
        number: int,
        purpose: str,
        method: str,
        path: str,
        body: Any,
        secrets: tuple[str, ...],
        limits: WireLimits = WireLimits(),  # noqa: B008 (frozen)
    ) -> None:
        self.status: int | None = None
        self.error: str | None = None
        self.error_kind: TransportError | None = None
        self._fields: dict[str, Any] = {
            "id": number,
            "purpose": purpose,
            "started_at": utc_now(),
            "t0_ns": time.monotonic_ns(),
            "method": method,
            "path": redacted_path(path, secrets),
        }
        self._body = body
        self._secrets = secrets
        self._headers: dict[str, str] = {}
        self._chunks: list[tuple[int, bytes]] = []
        self._t_ns = 0
        self._decoder = Decoder("identity")
        self._limits = limits
        self._meter = BodyMeter(limits)

    def broke(self, kind: TransportError, text: str) -> None:
        """Note what broke the exchange."""
        self.error, self.error_kind = text, kind

    def stamp(self) -> None:
        """Note the time of a socket read."""
        self._t_ns = time.monotonic_ns() - self._fields["t0_ns"]

    def start(self, response: h11.Response) -> None:
        """Take in status and headers of the reply."""
        self.status = response.status_code
        names = {name.decode(): value.decode("latin-1") for name, value in response.headers}
        self._headers = {name: names[name] for name in KEPT_HEADERS if name in names}
        self._meter = BodyMeter(self._limits, names.get("content-type", ""))
        try:
            self._decoder = Decoder(names.get("content-encoding", ""))
        except ContentEncodingError as problem:
            self.broke(TransportError.ENCODING, str(problem))

    def add(self, data: bytes) -> None:
        """Take in some of the reply's body, of the read that was stamped last.

        Raises:
            LimitExceededError: the body is longer than it may be; its first bytes are kept.
        """
        try:
            data = self._decoder.feed(data, self._meter.left_bytes)
        except ContentEncodingError as problem:
            self.broke(TransportError.ENCODING, str(problem))
        if self._chunks and self._chunks[-1][0] == self._t_ns:
            self._chunks[-1] = (self._t_ns, self._chunks[-1][1] + data)
        else:
            self._chunks.append((self._t_ns, data))
        try:
            self._meter.count(data)
        except LimitExceededError:
            self._chunks = kept(self._chunks, self._limits.kept_bytes)
            raise

    def exchange(self) -> Exchange:
        """What came, with its end now; it is handed over, because a long reply is not to be held twice."""
        texts, left = [], self._chunks[::-1]
        self._chunks = []
        while left:
            t_ns, data = left.pop()
            texts.append((t_ns, data.decode("utf-8", "surrogateescape")))
        return Exchange(
            **self._fields,
            request=redacted(self._body, self._secrets),
            status=self.status,
            headers={name: redacted_text(value, self._secrets) for name, value in self._headers.items()},
            chunks=redacted_chunks(texts, self._secrets),
            ended_ns=time.monotonic_ns() - self._fields["t0_ns"],
            error=self.error and redacted_text(self.error, self._secrets),
            error_kind=self.error_kind,
        )
