"""The recording proxy between an agent and an engine.

Agents' logs and exit codes look the same for a lazy answer, a leaked marker and a null reply; only the wire tells
them apart. Each run gets an address of its own, so that a request that outlives its run can not end up in the record
of the next one. Request headers are passed on but never recorded, and keys are redacted wherever they stand.
"""

import asyncio
import json
import os
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from secrets import token_hex
from typing import Any

import h11

from onbox.evidence.folder import append_line
from onbox.evidence.records import TransportError, WireBound
from onbox.scratch import scratch_folder
from onbox.untrusted_json import UntrustedJsonError, parse
from onbox.wire.agent_connection import (
    AgentConnection,
    AgentDisconnected,
    RequestBudget,
    RequestTooLargeError,
    split_target,
)
from onbox.wire.client import READ_BYTES
from onbox.wire.endpoint import Endpoint
from onbox.wire.exchange_recorder import ExchangeRecorder
from onbox.wire.limits import Clock, LimitExceededError, WireLimits
from onbox.wire.redaction import SECRET_HEADERS, secrets_of
from onbox.wire.request_policy import RequestPolicy, RequestRefused
from onbox.wire.transport_errors import transport_error

HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"te", b"upgrade", b"host", b"expect"})
REPLACED = HOP_BY_HOP | {b"accept-encoding", b"content-length"}
"""Request headers that the proxy writes itself: the body is sent on whole, and the reply must be readable."""
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
"""CONNECT and its like would make the connection one that carries no HTTP."""
CONNECT_S = 30.0
CONNECTIONS_MAX = 128
"""Of agents, at a time: each takes two of the descriptors that onbox has for all it does. Of more, the oldest that asks
nothing is hung up on, of the run that has the most; those that have named no run yet count as one."""
RUN_REQUESTS_MAX = 32
"""Of one run, at a time."""
RECORD_BYTES_MAX = 512 * 2**20
"""Of one run; then its requests are refused. 100 turns with half a megabyte of conversation have a tenth of it."""
LEAVING_S = 1.0
"""How long a run that has ended waits to see its agent's connections close."""


@dataclass
class RunRecorder:
    """The record of one run: a file of `Exchange` lines."""

    path: Path
    purpose: str
    policy: RequestPolicy | None = None
    ids: Iterator[int] = field(default_factory=lambda: count(1))
    open: bool = True
    under_way: set[asyncio.Task[None]] = field(default_factory=set)
    fault: OSError | None = None
    """Why a line could not be written."""
    refused: Counter[WireBound] = field(default_factory=Counter)

    def refuse(self, bound: WireBound) -> None:
        """Count a request that met a bound, and tell who looks at the run."""
        self.refused[bound] += 1
        if self.policy is not None:
            self.policy.refused(bound)

    def is_full(self) -> bool:
        """Whether it is longer than any run's: an agent may ask beside its task as often as it likes."""
        try:
            return self.path.stat().st_size > RECORD_BYTES_MAX
        except OSError:
            return False


class RecordingProxy:
    """A reverse proxy on loopback that records what passes, in a thread of its own.

    Args:
        upstream: the engine.
        on_events: called from the proxy's thread with the number of server-sent events in each read, for live views.
        limits: of each request.
    """

    def __init__(
        self,
        upstream: Endpoint,
        on_events: Callable[[int], None] | None = None,
        limits: WireLimits = WireLimits(),  # noqa: B008 (frozen)
    ) -> None:
        self.upstream = upstream
        self._limits = limits
        self.port = 0
        self._on_events = on_events
        self._recorders: dict[str, RunRecorder] = {}
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._scratch = ExitStack()
        self._folder = self._scratch.enter_context(scratch_folder("proxy"))
        self._thread = threading.Thread(target=self._run, name="onbox-proxy", daemon=True)
        self._connections: dict[asyncio.Task[None], AgentConnection] = {}
        self._open: set[str] = set()
        self._budget = RequestBudget(self._open)
        self._broken_off = False

    @property
    def socket(self) -> Path:
        """A Unix socket that leads here too, for an agent whose sandbox has a network of its own."""
        return self._folder / "proxy.sock"

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
        self._scratch.close()

    @contextmanager
    def recording(
        self,
        name: str,
        path: Path,
        purpose: str = "agent",
        policy: RequestPolicy | None = None,
        refused: Counter[WireBound] | None = None,
    ) -> Iterator[Endpoint]:
        """Record under `path` all that is sent to the yielded endpoint.

        Afterwards the record is complete, also of a reply that was cut off, and that address answers 410.

        Args:
            name: of the run, part of its address; the other part is random, so that no run can speak for another.
            path: of the record.
            purpose: of each exchange, where no `policy` decides it.
            policy: sees each request before it goes on, and decides its purpose.
            refused: counts the requests that met a bound: no engine saw them, and the record does not hold them.

        Raises:
            OSError: a line of the record could not be written.
        """
        recorder, address = RunRecorder(path, purpose, policy), f"{name}-{token_hex(8)}"
        if refused is not None:
            recorder.refused = refused
        self._recorders[address] = recorder
        self._open.add(address)
        try:
            yield Endpoint("http", "127.0.0.1", self.port, f"/run/{address}")
        finally:
            self._open.discard(address)
            asyncio.run_coroutine_threadsafe(_finish(recorder), self._loop).result()
        if recorder.fault is not None:
            raise recorder.fault

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
            await asyncio.start_unix_server(self._accept, sock=_bound(self.socket), limit=READ_BYTES),
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
        if self._broken_off or not self._has_room():
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        agent = AgentConnection(reader, writer, self._budget)
        self._connections[task] = agent
        try:
            while (request := await agent.next_request()) is not None:
                await self._serve(agent, *request)
                # What waits for its next request holds none.
                request = None
                agent.release()
                if not agent.ready_for_next():
                    break
        except RequestTooLargeError as problem:
            await self._refuse_unread(agent, problem)
        except (OSError, h11.ProtocolError, asyncio.CancelledError):
            pass  # The client spoke no HTTP, or left, or the proxy shuts down: it is nobody's evidence.
        finally:
            self._connections.pop(task, None)
            agent.release()
            writer.close()

    async def _refuse_unread(self, agent: AgentConnection, problem: RequestTooLargeError) -> None:
        """Answer a request that is not read to its end; nobody of its connection is heard again."""
        if agent.run:
            self._recorders[agent.run].refuse(problem.bound)
        agent.release()
        with suppress(OSError, h11.ProtocolError):
            await agent.refuse(413, str(problem))
            await agent.hear_out()

    def _has_room(self) -> bool:
        """Whether another connection can be taken: an agent that opens many loses its own, and no other run's."""
        if len(self._connections) < CONNECTIONS_MAX:
            return True
        idle = [(task, agent.run) for task, agent in self._connections.items() if not agent.is_asking]
        if not idle:
            return False
        held = Counter(agent.run for agent in self._connections.values())
        most = max((run for _, run in idle), key=held.__getitem__)
        oldest = next(task for task, run in idle if run == most)
        del self._connections[oldest]
        oldest.cancel()
        return True

    async def _serve(self, agent: AgentConnection, request: h11.Request, body: bytes) -> None:
        name, path = split_target(request.target.decode("latin-1"))
        recorder = self._recorders.get(name)
        if recorder is None or not recorder.open:
            await agent.refuse(410 if recorder else 404, "this run is over" if recorder else "no such run")
            return
        if recorder.is_full():
            recorder.refuse(WireBound.RECORD_BYTES)
            await agent.refuse(413, "the record of this run is full")
            return
        if len(recorder.under_way) >= RUN_REQUESTS_MAX:
            recorder.refuse(WireBound.REQUESTS_AT_A_TIME)
            await agent.refuse(429, f"this run has {RUN_REQUESTS_MAX} requests under way already")
            return
        exchange = asyncio.ensure_future(self._exchange(agent, request, path, body, recorder))
        recorder.under_way.add(exchange)
        exchange.add_done_callback(recorder.under_way.discard)
        await exchange

    async def _exchange(
        self, agent: AgentConnection, request: h11.Request, path: str, body: bytes, recorder: RunRecorder
    ) -> None:
        method, sent, purpose = request.method.decode(), _parsed(body), recorder.purpose
        if method not in METHODS:
            await agent.refuse(405, f"{method[:20]}: no request to an engine")
            return
        if recorder.policy is not None:
            try:
                purpose, wanted = recorder.policy.admit(method, path, sent)
            except RequestRefused as refusal:
                await agent.refuse(403, str(refusal))
                return
            if wanted is not sent:
                sent, body = wanted, json.dumps(wanted).encode()
        carried = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
        secrets = secrets_of([*carried, *self.upstream.authorization.items()])
        record = ExchangeRecorder(next(recorder.ids), purpose, method, path, sent, secrets, self._limits)
        try:
            await self._forward(agent, request, path, body, record)
        except AgentDisconnected:
            record.broke(TransportError.CLIENT_LEFT, "the client left before the reply was complete")
            agent.abort()
        except (OSError, h11.ProtocolError, LimitExceededError) as problem:
            record.broke(transport_error(problem), f"{type(problem).__name__}: {problem}")
            if record.status is None:
                await agent.refuse(502, f"the engine did not answer: {record.error}")
            else:
                agent.abort()
        except asyncio.CancelledError:
            record.broke(TransportError.RUN_ENDED, "the run ended before the reply was complete")
            raise
        finally:
            exchange = record.exchange()
            try:
                append_line(recorder.path, exchange)
            except OSError as error:
                recorder.fault = recorder.fault or error
            if recorder.policy is not None:
                recorder.policy.ended(exchange)

    async def _forward(
        self, agent: AgentConnection, request: h11.Request, path: str, body: bytes, record: ExchangeRecorder
    ) -> None:
        upstream = self.upstream
        tls = ssl.create_default_context() if upstream.scheme == "https" else None
        connecting = asyncio.open_connection(upstream.host, upstream.port, ssl=tls, limit=READ_BYTES)
        reader, writer = await asyncio.wait_for(connecting, CONNECT_S)
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
            await self._relay(agent, reader, engine, record)
        finally:
            writer.close()

    async def _relay(
        self, agent: AgentConnection, reader: asyncio.StreamReader, engine: h11.Connection, record: ExchangeRecorder
    ) -> None:
        gone, clock = asyncio.ensure_future(agent.gone()), Clock(self._limits)
        read: asyncio.Future[bytes] | None = None
        try:
            while True:
                event = engine.next_event()
                if event is h11.NEED_DATA:
                    read = asyncio.ensure_future(reader.read(READ_BYTES))
                    while not read.done():
                        left_s = clock.left_s(head=record.status is None)
                        await asyncio.wait({read, gone}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
                        if gone.done() and not read.done():
                            raise AgentDisconnected
                    record.stamp()
                    engine.receive_data(read.result())
                elif isinstance(event, h11.Response):
                    record.start(event)
                    headers = [(name, value) for name, value in event.headers if name not in HOP_BY_HOP]
                    await agent.send(h11.Response(status_code=event.status_code, headers=headers))
                elif isinstance(event, h11.Data):
                    data = bytes(event.data)
                    record.add(data)
                    await agent.send(h11.Data(data=data))
                    if self._on_events is not None:
                        self._on_events(data.count(b"data: "))
                elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                    await agent.send(h11.EndOfMessage())
                    return
                elif not isinstance(event, h11.InformationalResponse):
                    raise h11.RemoteProtocolError("the engine left HTTP")
        finally:
            waiting = [task for task in (gone, read) if task is not None]
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


def _bound(path: Path) -> socket.socket:
    """A Unix socket at a path of any length: an address holds 107 bytes, so it is bound by way of its open folder."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        server = socket.socket(socket.AF_UNIX)
        server.setblocking(False)
        server.bind(f"/proc/self/fd/{folder}/{path.name}")
        return server
    finally:
        os.close(folder)


async def _finish(recorder: RunRecorder) -> None:
    """Refuse what comes late, and wait until all that is under way is recorded."""
    recorder.open = False
    if recorder.under_way:
        await asyncio.wait(recorder.under_way, timeout=LEAVING_S)
    left = list(recorder.under_way)
    for exchange in left:
        exchange.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def _parsed(body: bytes) -> Any:
    try:
        return parse(body, any_integer=True) if body else None
    except UntrustedJsonError:
        return body.decode("utf-8", "replace")
