"""A scripted HTTP server on loopback: requests are parsed properly, replies are whatever bytes the script sends."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import h11

from onbox.launch.ports import free_port


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """The server's side of one connection, for a script to send on."""

    def __init__(self, connection: socket.socket, over: threading.Event) -> None:
        self._connection = connection
        self._over = over
        self.closed = False

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        self._connection.sendall(data)

    def head(self, status: int = 200, **headers: str) -> None:
        """A status line and headers; underscores stand for dashes."""
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{name.replace('_', '-')}: {headers[name]}" for name in headers)]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    def whole(self, status: int, body: bytes | Any, content_type: str = "application/json") -> None:
        """A complete reply; what is not bytes is sent as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.head(status, content_type=content_type, content_length=str(len(data)))
        self.send(data)

    def stream(self, pieces: Iterable[bytes], gap_s: float = 0.0) -> None:
        """A complete `text/event-stream` reply, each piece a chunk of its own."""
        self.head(200, content_type="text/event-stream", transfer_encoding="chunked")
        for piece in pieces:
            self.chunk(piece)
            self.pause(gap_s)
        self.send(b"0\r\n\r\n")

    def chunk(self, data: bytes) -> None:
        """One chunk of a chunked body."""
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def pause(self, seconds: float) -> None:
        """Say nothing for a while; over at once when the server stops."""
        self._over.wait(seconds)

    def close(self) -> None:
        """Close the connection in an orderly way."""
        self.closed = True
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def reset(self) -> None:
        """Break the connection (RST)."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.closed = True
        self._connection.close()

    def client_left(self, within_s: float = 30.0) -> bool:
        """Whether the client closes its side within the time."""
        self._connection.settimeout(within_s)
        try:
            return self._connection.recv(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False


Script = Callable[[ReceivedRequest, Wire], None]


@dataclass
class Server:
    """A running server.

    Args:
        script: answers one request.
    """

    script: Script
    port: int = 0
    requests: list[ReceivedRequest] = field(default_factory=list)
    connections: int = 0

    def await_requests(self, count: int, within_s: float = 10.0) -> None:
        """Return when so many requests have come."""
        deadline = time.monotonic() + within_s
        while len(self.requests) < count:
            assert time.monotonic() < deadline, f"{len(self.requests)} of {count} requests came"
            time.sleep(0.005)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(script: Script) -> Iterator[Server]:
    """Serve on a free port of loopback until the body ends; afterwards no thread and no port is left."""
    server, over, open_sockets, threads = Server(script), threading.Event(), set[socket.socket](), list[Any]()

    def attend(connection: socket.socket) -> None:
        wire = Wire(connection, over)
        http = h11.Connection(h11.SERVER)
        # A client that leaves, or the end of the test, ends the connection.
        with suppress(OSError, h11.RemoteProtocolError):
            while not wire.closed and (request := _next_request(connection, http)) is not None:
                server.requests.append(request)
                server.script(request, wire)
                http = h11.Connection(h11.SERVER)
        wire.close()

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                server.connections += 1
                open_sockets.add(connection)
                thread = threading.Thread(target=attend, args=(connection,), daemon=True)
                threads.append(thread)
                thread.start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        try:
            yield server
        finally:
            over.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for connection in open_sockets:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def _next_request(connection: socket.socket, http: h11.Connection) -> ReceivedRequest | None:
    request, body = None, b""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            if http.they_are_waiting_for_100_continue:
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            http.receive_data(connection.recv(65_536))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
            return ReceivedRequest(request.method.decode(), request.target.decode(), headers, body)
        else:
            return None


def closed_port() -> int:
    """A port of loopback that refuses connections."""
    return free_port()
