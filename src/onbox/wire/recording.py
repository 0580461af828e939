"""An exchange that is put on record while it passes the proxy: what was read, when, with every key taken out."""

import time
from typing import Any

import h11

from onbox.evidence.folder import utc_now
from onbox.evidence.records import Exchange
from onbox.wire.client import KEPT_HEADERS
from onbox.wire.decoding import ContentEncodingError, Decoder
from onbox.wire.redaction import redacted, redacted_path, redacted_text


class Recording:
    """An exchange while it happens.

    Args:
        number: in the run, from 1.
        purpose: `agent`, or what the run's watch took the request for.
        method: of the request.
        path: of the request, counted from the root of the server.
        body: of the request, parsed where it is JSON.
        secrets: what must not be on record, wherever it stands.
    """

    def __init__(self, number: int, purpose: str, method: str, path: str, body: Any, secrets: tuple[str, ...]) -> None:
        self.status: int | None = None
        self.error: str | None = None
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

    def stamp(self) -> None:
        """Note the time of a socket read."""
        self._t_ns = time.monotonic_ns() - self._fields["t0_ns"]

    def start(self, response: h11.Response) -> None:
        """Take in status and headers of the reply."""
        self.status = response.status_code
        names = {name.decode(): value.decode("latin-1") for name, value in response.headers}
        self._headers = {name: names[name] for name in KEPT_HEADERS if name in names}
        try:
            self._decoder = Decoder(names.get("content-encoding", ""))
        except ContentEncodingError as problem:
            self.error = str(problem)

    def add(self, data: bytes) -> None:
        """Take in some of the reply's body, of the read that was stamped last."""
        try:
            data = self._decoder.feed(data)
        except ContentEncodingError as problem:
            self.error = str(problem)
        if self._chunks and self._chunks[-1][0] == self._t_ns:
            self._chunks[-1] = (self._t_ns, self._chunks[-1][1] + data)
        else:
            self._chunks.append((self._t_ns, data))

    def exchange(self) -> Exchange:
        """What there is until now, with its end now."""
        return Exchange(
            **self._fields,
            request=redacted(self._body, self._secrets),
            status=self.status,
            headers=self._headers,
            chunks=tuple(
                (t_ns, redacted_text(data.decode("utf-8", "surrogateescape"), self._secrets))
                for t_ns, data in self._chunks
            ),
            ended_ns=time.monotonic_ns() - self._fields["t0_ns"],
            error=self.error,
        )
