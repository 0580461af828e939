"""A blocking HTTP client that stamps each arrival at the socket read.

Ready-made clients hand out a body after their own buffering, so a stamp taken behind them is late by an unknown
amount. This one stamps between `recv` and the parsing of what was received, and as `timeit` does it lets no garbage
collection come between: that takes tens of milliseconds, and what a reply leaves behind needs none.
"""

import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import h11

from onbox.atomic_files import utc_now
from onbox.evidence.records import Exchange, TransportError
from onbox.garbage_collection import paused_collection
from onbox.untrusted_json import UntrustedJsonError, parse_object
from onbox.wire.decoding import ContentEncodingError, Decoder
from onbox.wire.endpoint import Endpoint
from onbox.wire.limits import BodyMeter, Clock, LimitExceededError, WireLimits, kept
from onbox.wire.redaction import redacted_chunks, redacted_text
from onbox.wire.transport_errors import transport_error

READ_BYTES = 65_536
HEAD_MARGIN_S = 1.0
"""Between the silence that ends a request and the end of a wait with interim answers in it."""
PROBE_BYTES_MAX = 16 * 2**20
PROBE_S = 60.0
"""For what a server says of itself: its models, health and counters."""
KEPT_HEADERS = ("content-type", "content-encoding", "server", "x-request-id", "retry-after")

OnRead = Callable[[int, bytes], None]


class StampedClient:
    """One keep-alive connection to a server.

    Args:
        endpoint: the server.
        connect_timeout_s: how long to wait for the connection.
        read_timeout_s: how long a silence on an open request may last; a model that thinks about a long prompt is
            silent for minutes. It may be changed between requests.
        limits: of each request.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 600.0,
        limits: WireLimits = WireLimits(),  # noqa: B008 (frozen)
    ) -> None:
        self.endpoint = endpoint
        self.connect_timeout_s = connect_timeout_s
        self.read_timeout_s = read_timeout_s
        self.limits = limits
        self._socket: socket.socket | None = None
        self._http = h11.Connection(h11.CLIENT)
        self._count = 0
        self._broken_off = False

    def __enter__(self) -> "StampedClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def break_off(self) -> None:
        """From another thread: end the request under way, and any later one at once, with an error."""
        self._broken_off = True
        connection = self._socket
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def post(self, path: str, body: Any, *, purpose: str, on_read: OnRead | None = None) -> Exchange:
        """POST `body` as JSON to `/v1` + `path`; see `request`."""
        return self.request("POST", f"/v1{path}", body, purpose=purpose, on_read=on_read)

    def get(self, path: str, *, purpose: str = "probe") -> Exchange:
        """GET `path`, counted from the root, within the limits of a probe; see `request`."""
        limits = self.limits
        self.limits = replace(
            limits,
            reply_bytes=min(limits.reply_bytes, PROBE_BYTES_MAX),
            request_s=min(limits.request_s, PROBE_S),
        )
        try:
            return self.request("GET", path, None, purpose=purpose)
        finally:
            self.limits = limits

    def get_json(self, path: str) -> dict[str, Any] | None:
        """GET a JSON object; None when there is none to be had."""
        exchange = self.get(path)
        if exchange.status != 200 or exchange.error:
            return None
        try:
            return parse_object(exchange.body())
        except UntrustedJsonError:
            return None

    def request(self, method: str, path: str, body: Any, *, purpose: str, on_read: OnRead | None = None) -> Exchange:
        """Send a request and read the whole reply.

        Args:
            method: GET or POST.
            path: counted from the root of the server, prefix left out.
            body: JSON-serialisable, or None.
            purpose: kept in the record.
            on_read: called with (nanoseconds since the request, body bytes) after each socket read.

        Returns:
            The exchange; a transport failure is in its `error`, never raised.
        """
        self._count += 1
        started_at, t0_ns = utc_now(), time.monotonic_ns()
        reply = _Reply(t0_ns, on_read, self.limits)
        error: str | None = None
        kind: TransportError | None = None
        try:
            with paused_collection():
                self._try_twice(method, path, body, reply)
        except TimeoutError:
            silence_s = self.connect_timeout_s if self._socket is None else self.read_timeout_s
            error, kind = f"no answer within {silence_s:.3g} s", TransportError.TIMED_OUT
        except (OSError, h11.ProtocolError) as problem:
            error, kind = f"{type(problem).__name__}: {problem}", transport_error(problem)
        except (ContentEncodingError, LimitExceededError) as problem:
            error, kind = str(problem), transport_error(problem)
        finally:
            if error or self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                self.close()
        # A server that refuses a key may quote it.
        secrets = (self.endpoint.key,) if self.endpoint.key else ()
        return Exchange(
            id=self._count,
            purpose=purpose,
            started_at=started_at,
            t0_ns=t0_ns,
            method=method,
            path=path,
            request=body,
            status=reply.status,
            headers={name: redacted_text(value, secrets) for name, value in reply.headers.items()},
            chunks=redacted_chunks(reply.texts(), secrets),
            ended_ns=time.monotonic_ns() - t0_ns,
            error=error and redacted_text(error, secrets),
            error_kind=kind,
        )

    def _try_twice(self, method: str, path: str, body: Any, reply: "_Reply") -> None:
        fresh = self._socket is None
        try:
            self._send(method, path, body)
            self._receive(reply)
        except (ConnectionError, h11.RemoteProtocolError):
            # A kept connection may have been closed by the server between two requests.
            if fresh or reply.status is not None:
                raise
            self.close()
            self._send(method, path, body)
            self._receive(reply)

    def _connect(self) -> socket.socket:
        connection = socket.create_connection((self.endpoint.host, self.endpoint.port), self.connect_timeout_s)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.endpoint.scheme == "https":
            connection = ssl.create_default_context().wrap_socket(connection, server_hostname=self.endpoint.host)
        self._http = h11.Connection(h11.CLIENT)
        return connection

    def _send(self, method: str, path: str, body: Any) -> None:
        if self._socket is None:
            self._socket = self._connect()
        else:
            self._http.start_next_cycle()
        if self._broken_off:
            raise ConnectionAbortedError("broken off")
        self._socket.settimeout(self.read_timeout_s)
        headers = {"Host": self.endpoint.authority, "Accept-Encoding": "identity", **self.endpoint.authorization}
        payload = b""
        if body is not None:
            payload = json.dumps(body).encode()
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(payload))}
        request = h11.Request(method=method, target=self.endpoint.prefix + path, headers=list(headers.items()))
        parts = (request, h11.Data(data=payload), h11.EndOfMessage())
        self._socket.sendall(b"".join(self._http.send(part) or b"" for part in parts))

    def _receive(self, reply: "_Reply") -> None:
        assert self._socket is not None
        clock = Clock(replace(self.limits, head_s=min(self.limits.head_s, self.read_timeout_s + HEAD_MARGIN_S)))
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                reply.flush()
                received = self._read(clock, head=reply.status is None)
                reply.stamp()
                self._http.receive_data(received)
            elif isinstance(event, h11.Response):
                reply.start(event.status_code, {k.decode(): v.decode("latin-1") for k, v in event.headers})
            elif isinstance(event, h11.Data):
                reply.add(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                reply.end()
                return
            elif not isinstance(event, h11.InformationalResponse):
                raise h11.RemoteProtocolError("the server left HTTP")

    def _read(self, clock: Clock, *, head: bool) -> bytes:
        assert self._socket is not None
        left_s = clock.left_s(head=head)
        if left_s >= self.read_timeout_s:
            return self._socket.recv(READ_BYTES)
        self._socket.settimeout(left_s)
        try:
            return self._socket.recv(READ_BYTES)
        except TimeoutError as error:
            raise clock.over(head=head) from error


class _Reply:
    """Collects what one request brought; all data events of one socket read make one chunk."""

    def __init__(self, t0_ns: int, on_read: OnRead | None, limits: WireLimits) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self._chunks: list[tuple[int, bytes]] = []
        self._t0_ns = t0_ns
        self._on_read = on_read
        self._limits = limits
        self._t_ns = 0
        self._pending = b""
        self._decoder = Decoder("identity")
        self._meter = BodyMeter(limits)

    def stamp(self) -> None:
        self._t_ns = time.monotonic_ns() - self._t0_ns

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        self.status = status
        self.headers = {name: headers[name] for name in KEPT_HEADERS if name in headers}
        self._meter = BodyMeter(self._limits, headers.get("content-type", ""))
        self._decoder = Decoder(headers.get("content-encoding", ""))

    def add(self, data: bytes) -> None:
        data = self._decoder.feed(data, self._meter.left_bytes)
        try:
            self._meter.count(data)
        except LimitExceededError:
            self._pending += data
            self.flush()
            self._chunks = kept(self._chunks, self._limits.kept_bytes)
            raise
        self._pending += data

    def end(self) -> None:
        self.flush()
        self._decoder.end()

    def flush(self) -> None:
        if self._pending:
            self._chunks.append((self._t_ns, self._pending))
            if self._on_read is not None:
                self._on_read(self._t_ns, self._pending)
            self._pending = b""

    def texts(self) -> list[tuple[int, str]]:
        """The chunks as records hold them; they are handed over, because a long reply is not to be held twice."""
        found, left = [], self._chunks[::-1]
        self._chunks = []
        while left:
            t_ns, data = left.pop()
            found.append((t_ns, data.decode("utf-8", "surrogateescape")))
        return found
