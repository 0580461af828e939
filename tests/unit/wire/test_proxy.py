"""The recording proxy between an agent and servers that behave badly."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from onbox.evidence.folder import read_lines
from onbox.evidence.records import Exchange, TransportError
from onbox.evidence.replies import read_reply
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from onbox.wire.proxy import RecordingProxy
from tests.doubles.server import ReceivedRequest, Script, Server, Wire, closed_port, serving
from tests.doubles.waiting import until
from tests.unit.wire.streams import STREAM, TEXT


def open_request(endpoint: Endpoint) -> socket.socket:
    """A connection on which a request was sent and nothing read yet."""
    client = socket.create_connection((endpoint.host, endpoint.port))
    client.sendall(f"GET {endpoint.prefix}/v1/x HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return client


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "wire.jsonl"


class Proxied:
    """A scripted server with the proxy before it."""

    def __init__(self, server: Server, endpoint: Endpoint, tape: Path) -> None:
        self.server = server
        self.endpoint = endpoint
        self._tape = tape

    def recorded(self) -> list[Exchange]:
        return [Exchange.model_validate(line) for line in read_lines(self._tape)]


class Running:
    """Enters server, proxy and recording; `close_recording` leaves the innermost one."""

    def __init__(self, script: Script, tape: Path) -> None:
        self._server = serving(script)
        self._tape = tape

    def __enter__(self) -> Proxied:
        server = self._server.__enter__()
        self._proxy = RecordingProxy(Endpoint.parse(server.url)).__enter__()
        self._recording = self._proxy.recording("task-1", self._tape)
        return Proxied(server, self._recording.__enter__(), self._tape)

    def __exit__(self, *_: object) -> None:
        self._recording.__exit__(None, None, None)
        self._proxy.__exit__()
        self._server.__exit__(None, None, None)


class TestProxy:
    def test_streams_the_same_bytes_and_records_them(self, tape: Path) -> None:
        pieces = [STREAM[at : at + 7] for at in range(0, len(STREAM), 7)]
        with Running(lambda request, wire: wire.stream(pieces), tape) as proxied:
            reply = httpx.post(f"{proxied.endpoint.api}/chat/completions", json={"model": "m"})
        assert (reply.status_code, reply.content) == (200, STREAM)
        assert reply.headers["content-type"] == "text/event-stream"
        (exchange,) = proxied.recorded()
        assert (exchange.method, exchange.path, exchange.request) == ("POST", "/v1/chat/completions", {"model": "m"})
        assert (exchange.status, exchange.body(), exchange.error) == (200, STREAM, None)
        assert read_reply(exchange).content == TEXT

    def test_passes_each_piece_on_at_once(self, tape: Path) -> None:
        observation = threading.Event()
        waited: list[bool] = []

        def script(request: ReceivedRequest, wire: Wire) -> None:
            wire.head(200, content_type="text/event-stream", transfer_encoding="chunked")
            wire.chunk(b"data: 1\n\n")
            waited.append(observation.wait(60))  # the second piece is not sent before the first one has arrived
            wire.chunk(b"data: 2\n\n")
            wire.send(b"0\r\n\r\n")

        with Running(script, tape) as proxied, StampedClient(proxied.endpoint) as client:
            exchange = client.post("/x", {}, purpose="agent", on_read=lambda t_ns, data: observation.set())
        assert waited == [True]
        assert exchange.body() == b"data: 1\n\ndata: 2\n\n"

    def test_keys_go_to_the_engine_and_nowhere_else(self, tape: Path) -> None:
        headers = {"Authorization": "Bearer sk-very-secret", "X-Api-Key": "sk-other-secret", "Cookie": "s=sk-third"}
        with Running(lambda request, wire: wire.whole(200, {}), tape) as proxied:
            httpx.post(f"{proxied.endpoint.api}/chat/completions", json={}, headers=headers)
            (request,) = proxied.server.requests
        assert {name: request.headers[name.lower()] for name in headers} == headers
        evidence = b"".join(path.read_bytes() for path in tape.parent.parent.rglob("*") if path.is_file())
        assert b'"status":200' in evidence
        assert b"sk-" not in evidence

    def test_a_request_in_chunks_reaches_the_engine_whole(self, tape: Path) -> None:
        def body() -> Iterator[bytes]:
            yield b'{"a":'
            yield b" 1}"

        with Running(lambda request, wire: wire.whole(200, {}), tape) as proxied:
            assert httpx.post(f"{proxied.endpoint.api}/x", content=body()).status_code == 200
            assert proxied.server.requests[0].json() == {"a": 1}
        assert proxied.recorded()[0].request == {"a": 1}

    def test_a_body_that_is_not_json_is_kept_as_text(self, tape: Path) -> None:
        with Running(lambda request, wire: wire.whole(400, {}), tape) as proxied:
            httpx.post(f"{proxied.endpoint.api}/x", content=b"\xff{")
            httpx.get(f"{proxied.endpoint.api}/models")
        assert [(e.id, e.method, e.request) for e in proxied.recorded()] == [(1, "POST", "\ufffd{"), (2, "GET", None)]

    def test_a_client_that_expects_to_be_told_to_go_on(self, tape: Path) -> None:
        with (
            Running(lambda request, wire: wire.whole(200, {}), tape) as proxied,
            socket.create_connection((proxied.endpoint.host, proxied.endpoint.port)) as client,
        ):
            head = f"POST {proxied.endpoint.prefix}/v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
            client.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
            assert client.recv(100).startswith(b"HTTP/1.1 100")
            client.sendall(b"{}")
            assert client.recv(1000).startswith(b"HTTP/1.1 200")

    def test_a_status_of_500_passes_through(self, tape: Path) -> None:
        with Running(lambda request, wire: wire.whole(500, {"error": "x"}), tape) as proxied:
            reply = httpx.post(f"{proxied.endpoint.api}/x", json={})
        assert (reply.status_code, reply.json()) == (500, {"error": "x"})
        assert [(e.status, e.error) for e in proxied.recorded()] == [(500, None)]

    def test_a_reply_that_breaks_breaks_for_the_agent_too(self, tape: Path) -> None:
        def script(request: ReceivedRequest, wire: Wire) -> None:
            wire.head(200, content_type="text/event-stream", transfer_encoding="chunked")
            wire.chunk(b"data: 1\n\n")
            wire.close()

        with Running(script, tape) as proxied, pytest.raises(httpx.HTTPError):
            httpx.post(f"{proxied.endpoint.api}/x", json={})
        (exchange,) = proxied.recorded()
        assert (exchange.status, exchange.body()) == (200, b"data: 1\n\n")
        assert exchange.error is not None
        assert "RemoteProtocolError" in exchange.error

    def test_no_engine_is_a_502_of_the_proxys_own(self, tape: Path) -> None:
        with (
            RecordingProxy(Endpoint("http", "127.0.0.1", closed_port())) as proxy,
            proxy.recording("a", tape) as endpoint,
        ):
            reply = httpx.post(f"{endpoint.api}/x", json={})
        assert (reply.status_code, reply.json()["error"]["type"]) == (502, "onbox_proxy")
        (line,) = read_lines(tape)
        assert line["status"] is None
        assert "refused" in line["error"].lower()

    def test_an_engine_that_speaks_no_http_is_a_502(self, tape: Path) -> None:
        with Running(lambda request, wire: wire.send(b"hello\r\n\r\n"), tape) as proxied:
            assert httpx.post(f"{proxied.endpoint.api}/x", json={}).status_code == 502
        assert "RemoteProtocolError" in (proxied.recorded()[0].error or "")

    @pytest.mark.parametrize("speaks", [False, True], ids=["silent", "streaming"])
    def test_a_client_that_leaves_frees_the_engine_and_is_named(self, tape: Path, speaks: bool) -> None:
        freed: list[bool] = []

        def script(request: ReceivedRequest, wire: Wire) -> None:
            if speaks:
                wire.head(200, content_type="text/event-stream", transfer_encoding="chunked")
                wire.chunk(b"data: 1\n\n")
            freed.append(wire.client_left())

        with Running(script, tape) as proxied:
            with open_request(proxied.endpoint) as client:
                proxied.server.await_requests(1)
                received = b""
                while speaks and b"data: 1" not in received:
                    received += client.recv(1000)
            # Only then the run ends: what is recorded is that the client left, not that its run was over.
            until(proxied.recorded)
        assert freed == [True]
        (exchange,) = proxied.recorded()
        assert exchange.error == "the client left before the reply was complete"
        assert exchange.body() == (b"data: 1\n\n" if speaks else b"")

    def test_a_client_that_leaves_a_talking_engine_is_not_the_engines_fault(self, tape: Path) -> None:
        def script(request: ReceivedRequest, wire: Wire) -> None:
            wire.head(200, content_type="text/event-stream", transfer_encoding="chunked")
            while True:
                wire.chunk(b"data: " + b"x" * 10_000 + b"\n\n")

        def leave(t_ns: int, data: bytes) -> None:
            raise RuntimeError

        with Running(script, tape) as proxied, StampedClient(proxied.endpoint) as client, pytest.raises(RuntimeError):
            client.post("/x", {}, purpose="agent", on_read=leave)
        assert proxied.recorded()[0].error_kind is TransportError.CLIENT_LEFT

    def test_a_request_that_outlives_its_run_is_recorded_there_and_ended(self, tape: Path) -> None:
        freed: list[bool] = []
        with (
            serving(lambda request, wire: freed.append(wire.client_left())) as server,
            RecordingProxy(Endpoint.parse(server.url)) as proxy,
        ):
            with proxy.recording("first", tape) as endpoint:
                late = open_request(endpoint)
                server.await_requests(1)
            (line,) = read_lines(tape)
            assert line["error"] == "the run ended before the reply was complete"
            assert line["error_kind"] == TransportError.RUN_ENDED
            late.close()
        assert freed == [True]

    def test_the_address_of_a_run_that_is_over_answers_410(self, tape: Path) -> None:
        with (
            serving(lambda request, wire: wire.whole(200, {})) as server,
            RecordingProxy(Endpoint.parse(server.url)) as proxy,
        ):
            with proxy.recording("first", tape) as first:
                httpx.post(f"{first.api}/x", json={})
            assert httpx.post(f"{first.api}/x", json={}).status_code == 410
            assert httpx.get(f"http://127.0.0.1:{proxy.port}/run/none/v1/x").status_code == 404
            with proxy.recording("second", tape.with_name("second.jsonl")) as second:
                httpx.post(f"{second.api}/y", json={})
        assert [line["path"] for line in read_lines(tape)] == ["/v1/x"]
        assert [line["path"] for line in read_lines(tape.with_name("second.jsonl"))] == ["/v1/y"]

    def test_one_connection_carries_many_requests(self, tape: Path) -> None:
        with (
            Running(lambda request, wire: wire.whole(200, {}), tape) as proxied,
            StampedClient(proxied.endpoint) as client,
        ):
            assert [client.post("/x", {"n": n}, purpose="agent").status for n in range(3)] == [200] * 3
        assert [(e.id, e.request) for e in proxied.recorded()] == [(n + 1, {"n": n}) for n in range(3)]

    def test_a_record_that_cannot_be_written_is_raised(self, tape: Path) -> None:
        tape.mkdir(parents=True)
        with (
            serving(lambda request, wire: wire.whole(200, {})) as server,
            RecordingProxy(Endpoint.parse(server.url)) as proxy,
            pytest.raises(IsADirectoryError),
            proxy.recording("first", tape) as endpoint,
        ):
            assert httpx.post(f"{endpoint.api}/x", json={}).status_code == 200

    def test_counts_events_for_live_views(self, tape: Path) -> None:
        counts: list[int] = []
        with (
            serving(lambda request, wire: wire.stream([STREAM])) as server,
            RecordingProxy(Endpoint.parse(server.url), counts.append) as proxy,
            proxy.recording("first", tape) as endpoint,
        ):
            httpx.post(f"{endpoint.api}/x", json={})
        assert sum(counts) == 3

    def test_leaves_no_thread_and_no_port(self, tape: Path) -> None:
        with (
            serving(lambda request, wire: wire.whole(200, {})) as server,
            RecordingProxy(Endpoint.parse(server.url)) as proxy,
        ):
            port = proxy.port
        assert not [thread for thread in threading.enumerate() if thread.name == "onbox-proxy"]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
