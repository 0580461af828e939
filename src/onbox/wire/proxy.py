"""The recording proxy between an agent and an engine.

Agents' logs and exit codes look the same for a lazy answer, a leaked marker and a null reply; only the wire tells
them apart. Each run gets an address of its own, so that a request that outlives its run can not end up in the record
of the next one. Request headers are passed on but never recorded, and keys are redacted wherever they stand.
"""

import asyncio
import json
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from secrets import token_hex
from typing import Any

import h11

from onbox.evidence.folder import append_line, utc_now
from onbox.evidence.records import Exchange
from onbox.wire.client import KEPT_HEADERS, READ_BYTES
from onbox.wire.decoding import ContentEncodingError, Decoder
from onbox.wire.endpoint import Endpoint
from onbox.wire.redaction import SECRET_HEADERS, redacted, redacted_path, redacted_text, secrets_of
from onbox.wire.watch import Refused, Watch

MAX_REQUEST_BYTES = 64 * 2**20
HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"te", b"upgrade", b"host", b"expect"})
REPLACED = HOP_BY_HOP | {b"accept-encoding", b"content-length"}
"""Request headers that the proxy writes itself: the body is sent on whole, and the reply must be readable."""
LEAVING_S = 1.0
"""How long a run that has ended waits to see its agent's connections close."""


class _ClientLeft(ConnectionError):
    """The agent hung up before its reply was complete."""


@dataclass
class Tape:
    """The record of one run: a file of `Exchange` lines."""

    path: Path
    purpose: str
    watch: Watch | None = None
    ids: Iterator[int] = field(default_factory=lambda: count(1))
    open: bool = True
    under_way: set[asyncio.Task[None]] = field(default_factory=set)
    fault: OSError | None = None
    """Why a line could not be written."""


class RecordingProxy:
    """A reverse proxy on loopback that records what passes, in a thread of its own.

    Args:
        upstream: the engine.
        on_events: called from the proxy's thread with the number of server-sent events in each read, for live views.
    """

    def __init__(self, upstream: Endpoint, on_events: Callable[[int], None] | None = None) -> None:
        self.upstream = upstream
        self.port = 0
        self._on_events = on_events
        self._tapes: dict[str, Tape] = {}
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._folder = tempfile.TemporaryDirectory(prefix="onbox-proxy-")
        self._thread = threading.Thread(target=self._run, name="onbox-proxy", daemon=True)
        self._connections: set[asyncio.Task[None]] = set()
        self._broken_off = False

    @property
    def socket(self) -> Path:
        """A Unix socket that leads here too, for an agent whose sandbox has a network of its own."""
        return Path(self._folder.name, "proxy.sock")

    # ------------------------------------------------------------ for the harness

    def __enter__(self) -> "RecordingProxy":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._folder.cleanup()

    @contextmanager
    def recording(
        self, name: str, path: Path, purpose: str = "agent", watch: Watch | None = None
    ) -> Iterator[Endpoint]:
        """Record under `path` all that is sent to the yielded endpoint.

        Afterwards the record is complete, also of a reply that was cut off, and that address answers 410.

        Args:
            name: of the run, part of its address; the other part is random, so that no run can speak for another.
            path: of the record.
            purpose: of each exchange, where no one watches.
            watch: sees each request before it goes on, and decides its purpose.

        Raises:
            OSError: a line of the record could not be written.
        """
        tape, address = Tape(path, purpose, watch), f"{name}-{token_hex(8)}"
        self._tapes[address] = tape
        try:
            yield Endpoint("http", "127.0.0.1", self.port, f"/run/{address}")
        finally:
            asyncio.run_coroutine_threadsafe(_finish(tape), self._loop).result()
        if tape.fault is not None:
            raise tape.fault

    def break_off(self) -> None:
        """End all that is under way, of every run, and take nothing more; what came until then is recorded."""
        asyncio.run_coroutine_threadsafe(self._end_all(), self._loop).result()

    # ------------------------------------------------------------ inside the thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _listen(self) -> None:
        self._servers = [
            await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=READ_BYTES),
            await asyncio.start_unix_server(self._accept, self.socket, limit=READ_BYTES),
        ]
        self.port = self._servers[0].sockets[0].getsockname()[1]

    async def _end_all(self) -> None:
        # Who comes later is hung up on, by `_accept`. Not by closing the servers: asyncio loses a connection that was
        # accepted just before, its socket stays open, and the client would wait for ever.
        self._broken_off = True
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _leave(self) -> None:
        await self._end_all()
        for server in self._servers:
            server.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._broken_off:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        client = _Client(reader, writer)
        try:
            while (request := await client.next_request()) is not None:
                await self._serve(client, *request)
                if not client.ready_for_next():
                    break
        except (OSError, h11.ProtocolError, asyncio.CancelledError):
            pass  # The client spoke no HTTP, or left, or the proxy shuts down: it is nobody's evidence.
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(self, client: "_Client", request: h11.Request, body: bytes) -> None:
        name, path = _split(request.target.decode("latin-1"))
        tape = self._tapes.get(name)
        if tape is None or not tape.open:
            await client.refuse(410 if tape else 404, "this run is over" if tape else "no such run")
            return
        exchange = asyncio.ensure_future(self._exchange(client, request, path, body, tape))
        tape.under_way.add(exchange)
        exchange.add_done_callback(tape.under_way.discard)
        await exchange

    async def _exchange(self, client: "_Client", request: h11.Request, path: str, body: bytes, tape: Tape) -> None:
        method, said, purpose = request.method.decode(), _parsed(body), tape.purpose
        if tape.watch is not None:
            try:
                purpose, wanted = tape.watch.admit(method, path, said)
            except Refused as refusal:
                await client.refuse(403, str(refusal))
                return
            if wanted is not said:
                said, body = wanted, json.dumps(wanted).encode()
        carried = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
        secrets = secrets_of([*carried, *self.upstream.authorization.items()])
        record = _Recording(next(tape.ids), purpose, method, path, said, secrets)
        try:
            await self._forward(client, request, path, body, record)
        except _ClientLeft:
            record.error = "the client left before the reply was complete"
            client.abort()
        except (OSError, h11.ProtocolError) as problem:
            record.error = f"{type(problem).__name__}: {problem}"
            if record.status is None:
                await client.refuse(502, f"the engine did not answer: {record.error}")
            else:
                client.abort()
        except asyncio.CancelledError:
            record.error = "the client left: its run ended before the reply was complete"
            raise
        finally:
            exchange = record.exchange()
            try:
                append_line(tape.path, exchange)
            except OSError as error:
                tape.fault = tape.fault or error
            if tape.watch is not None:
                tape.watch.ended(exchange)

    async def _forward(
        self, client: "_Client", request: h11.Request, path: str, body: bytes, record: "_Recording"
    ) -> None:
        upstream = self.upstream
        tls = ssl.create_default_context() if upstream.scheme == "https" else None
        reader, writer = await asyncio.open_connection(upstream.host, upstream.port, ssl=tls, limit=READ_BYTES)
        try:
            engine = h11.Connection(h11.CLIENT)
            headers = [(name, value) for name, value in request.headers if name not in REPLACED]
            if upstream.key:
                # The agent never learns the key of the server.
                headers = [(name, value) for name, value in headers if name.decode() not in SECRET_HEADERS]
                headers += [(name.encode(), value.encode()) for name, value in upstream.authorization.items()]
            headers += [(b"host", upstream.authority.encode()), (b"accept-encoding", b"identity")]
            if body:
                headers.append((b"content-length", b"%d" % len(body)))
            for event in (
                h11.Request(method=request.method, target=upstream.prefix + path, headers=headers),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                writer.write(engine.send(event) or b"")
            await self._relay(client, reader, engine, record)
        finally:
            writer.close()

    async def _relay(
        self, client: "_Client", reader: asyncio.StreamReader, engine: h11.Connection, record: "_Recording"
    ) -> None:
        gone = asyncio.ensure_future(client.gone())
        read: asyncio.Future[bytes] | None = None
        try:
            while True:
                event = engine.next_event()
                if event is h11.NEED_DATA:
                    read = asyncio.ensure_future(reader.read(READ_BYTES))
                    await asyncio.wait({read, gone}, return_when=asyncio.FIRST_COMPLETED)
                    if not read.done():
                        raise _ClientLeft
                    record.stamp()
                    engine.receive_data(read.result())
                elif isinstance(event, h11.Response):
                    record.start(event)
                    headers = [(name, value) for name, value in event.headers if name not in HOP_BY_HOP]
                    await client.send(h11.Response(status_code=event.status_code, headers=headers))
                elif isinstance(event, h11.Data):
                    data = bytes(event.data)
                    record.add(data)
                    await client.send(h11.Data(data=data))
                    if self._on_events is not None:
                        self._on_events(data.count(b"data: "))
                elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                    await client.send(h11.EndOfMessage())
                    return
        finally:
            waiting = [task for task in (gone, read) if task is not None]
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


async def _finish(tape: Tape) -> None:
    """Refuse what comes late, and wait until all that is under way is recorded."""
    tape.open = False
    if tape.under_way:
        await asyncio.wait(tape.under_way, timeout=LEAVING_S)
    left = list(tape.under_way)
    for exchange in left:
        exchange.cancel()
    await asyncio.gather(*left, return_exceptions=True)


class _Client:
    """The agent's side of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)

    async def next_request(self) -> tuple[h11.Request, bytes] | None:
        """The next request with its body; None when the client has closed."""
        request: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    await self.send(h11.InformationalResponse(status_code=100, headers=[]))
                self._http.receive_data(await self._reader.read(READ_BYTES))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_REQUEST_BYTES:
                    await self.refuse(413, "the request is larger than 64 MiB")
                    return None
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                return request, bytes(body)
            else:
                return None

    async def gone(self) -> None:
        """Return when the client closes; a client that sends early is left for the next request."""
        received = await self._reader.read(READ_BYTES)
        if received:
            self._http.receive_data(received)
            await asyncio.Event().wait()

    async def send(self, event: Any) -> None:
        """Send one h11 event.

        Raises:
            _ClientLeft: the client has closed.
        """
        data = self._http.send(event) or b""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise _ClientLeft from error

    async def refuse(self, status: int, message: str) -> None:
        """Answer with an error of the proxy's own."""
        body = json.dumps({"error": {"type": "onbox_proxy", "message": message}}).encode()
        headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
        await self.send(h11.Response(status_code=status, headers=headers))
        await self.send(h11.Data(data=body))
        await self.send(h11.EndOfMessage())

    def abort(self) -> None:
        """Break the connection, so that the agent sees a broken reply as broken."""
        self._writer.transport.abort()

    def ready_for_next(self) -> bool:
        """Whether the connection can carry another request."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            return True
        return False


class _Recording:
    """An exchange while it happens."""

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
        self.status = response.status_code
        names = {name.decode(): value.decode("latin-1") for name, value in response.headers}
        self._headers = {name: names[name] for name in KEPT_HEADERS if name in names}
        try:
            self._decoder = Decoder(names.get("content-encoding", ""))
        except ContentEncodingError as problem:
            self.error = str(problem)

    def add(self, data: bytes) -> None:
        try:
            data = self._decoder.feed(data)
        except ContentEncodingError as problem:
            self.error = str(problem)
        if self._chunks and self._chunks[-1][0] == self._t_ns:
            self._chunks[-1] = (self._t_ns, self._chunks[-1][1] + data)
        else:
            self._chunks.append((self._t_ns, data))

    def exchange(self) -> Exchange:
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


def _split(target: str) -> tuple[str, str]:
    """`/run/NAME/v1/x` into NAME and `/v1/x`."""
    _, _, rest = target.partition("/run/")
    name, _, path = rest.partition("/")
    return name, "/" + path


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode("utf-8", "replace")
