"""The stamping client against servers that behave badly."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from onbox.evidence.records import Exchange
from onbox.evidence.replies import read_reply
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from tests.doubles.server import ReceivedRequest, Server, Wire, closed_port, serving
from tests.unit.wire.streams import STREAM, TEXT


def ask(server: Server, path: str = "/chat/completions", **options: Any) -> Exchange:
    with StampedClient(Endpoint.parse(server.url), **options) as client:
        return client.post(path, {"stream": True}, purpose="agent")


class TestClient:
    def test_body_bytes_survive_chunks_that_cut_characters(self) -> None:
        with serving(lambda request, wire: wire.stream(bytes([byte]) for byte in STREAM)) as server:
            exchange = ask(server)
        assert (exchange.status, exchange.error, exchange.body()) == (200, None, STREAM)
        assert Exchange.model_validate_json(exchange.model_dump_json()) == exchange
        assert read_reply(exchange).content == TEXT

    def test_stamps_follow_the_socket(self) -> None:
        sent_ns: list[int] = []
        read = threading.Semaphore(0)

        def pieces() -> Iterator[bytes]:
            for piece in (b"a", b"b", b"c"):
                sent_ns.append(time.monotonic_ns())
                yield piece
                assert read.acquire(timeout=60)

        with (
            serving(lambda request, wire: wire.stream(pieces())) as server,
            StampedClient(Endpoint.parse(server.url)) as client,
        ):
            exchange = client.post("/x", {}, purpose="agent", on_read=lambda t_ns, data: read.release())
        assert [text for _, text in exchange.chunks] == ["a", "b", "c"]
        read_ns = [exchange.t0_ns + t_ns for t_ns, _ in exchange.chunks]
        order = [at for pair in zip(sent_ns, read_ns, strict=True) for at in pair]
        assert order == sorted(order)
        assert exchange.t0_ns + (exchange.ended_ns or 0) >= order[-1]

    def test_on_read_sees_every_byte_with_its_stamp(self) -> None:
        observations: list[tuple[int, bytes]] = []
        with (
            serving(lambda request, wire: wire.stream([b"one", b"two"], gap_s=0.02)) as server,
            StampedClient(Endpoint.parse(server.url)) as client,
        ):
            exchange = client.post("/x", {}, purpose="agent", on_read=lambda t, data: observations.append((t, data)))
        assert [(t_ns, data.decode()) for t_ns, data in observations] == list(exchange.chunks)

    def test_a_reply_cut_off_is_an_error_and_what_came_is_kept(self) -> None:
        def script(request: ReceivedRequest, wire: Wire) -> None:
            wire.head(200, content_type="text/event-stream", transfer_encoding="chunked")
            wire.chunk(b"data: 1\n\n")
            wire.close()

        with serving(script) as server:
            exchange = ask(server)
        assert (exchange.status, exchange.body()) == (200, b"data: 1\n\n")
        assert exchange.error is not None
        assert "RemoteProtocolError" in exchange.error

    def test_a_reset_is_an_error(self) -> None:
        with serving(lambda request, wire: wire.reset()) as server:
            exchange = ask(server)
        assert exchange.status is None
        assert exchange.error is not None
        assert "reset" in exchange.error

    def test_silence_is_a_timeout(self) -> None:
        with serving(lambda request, wire: wire.pause(20)) as server:
            exchange = ask(server, read_timeout_s=0.1)
        assert (exchange.status, exchange.error) == (None, "no answer within 0.1 s")

    def test_silence_in_the_middle_is_a_timeout_too(self) -> None:
        def script(request: ReceivedRequest, wire: Wire) -> None:
            wire.head(200, content_type="text/event-stream", transfer_encoding="chunked")
            wire.chunk(b"data: 1\n\n")
            wire.pause(20)

        with serving(script) as server:
            exchange = ask(server, read_timeout_s=3.0)
        assert (exchange.status, exchange.body(), exchange.error) == (200, b"data: 1\n\n", "no answer within 3 s")

    def test_nobody_listens(self) -> None:
        with StampedClient(Endpoint("http", "127.0.0.1", closed_port())) as client:
            exchange = client.get("/health")
        assert exchange.status is None
        assert exchange.error is not None
        assert exchange.error.startswith("ConnectionRefusedError")

    def test_what_is_not_http(self) -> None:
        with serving(lambda request, wire: wire.send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")) as server:
            exchange = ask(server)
        assert exchange.error is not None
        assert "RemoteProtocolError" in exchange.error

    def test_an_error_status_has_its_body(self) -> None:
        with serving(lambda request, wire: wire.whole(500, {"error": "broken"})) as server:
            exchange = ask(server)
        assert (exchange.status, json.loads(exchange.body())) == (500, {"error": "broken"})

    def test_one_connection_serves_many_requests(self) -> None:
        with serving(lambda request, wire: wire.whole(200, {})) as server:
            with StampedClient(Endpoint.parse(server.url)) as client:
                ids = [client.get("/health").id for _ in range(3)]
            assert (ids, server.connections) == ([1, 2, 3], 1)

    def test_a_kept_connection_that_the_server_closed_is_opened_again(self) -> None:
        def script(request: ReceivedRequest, wire: Wire) -> None:
            wire.whole(200, {})
            wire.close()  # without having said so

        with serving(script) as server:
            with StampedClient(Endpoint.parse(server.url)) as client:
                statuses = [client.get("/health").status for _ in range(3)]
            assert (statuses, server.connections) == ([200] * 3, 3)

    def test_a_connection_whose_reply_broke_is_not_used_again(self) -> None:
        def script(request: ReceivedRequest, wire: Wire) -> None:
            if request.path == "/slow":
                wire.pause(20)
            wire.whole(200, {"path": request.path})

        with serving(script) as server, StampedClient(Endpoint.parse(server.url), read_timeout_s=0.1) as client:
            assert client.get("/slow").error
            client.read_timeout_s = 60.0
            assert json.loads(client.get("/next").body()) == {"path": "/next"}

    def test_the_silence_allowed_may_change_on_a_kept_connection(self) -> None:
        def script(request: ReceivedRequest, wire: Wire) -> None:
            wire.pause(20 if request.path == "/slow" else 0)
            wire.whole(200, {})

        with serving(script) as server:
            with StampedClient(Endpoint.parse(server.url)) as client:
                assert client.get("/quick").status == 200
                client.read_timeout_s = 0.1
                assert client.get("/slow").error == "no answer within 0.1 s"
            assert server.connections == 1

    def test_an_exception_of_the_reader_leaves_the_client_usable(self) -> None:
        def stop(t_ns: int, data: bytes) -> None:
            raise KeyboardInterrupt

        with (
            serving(lambda request, wire: wire.stream([b"a", b"b"])) as server,
            StampedClient(Endpoint.parse(server.url)) as client,
        ):
            with pytest.raises(KeyboardInterrupt):
                client.post("/x", {}, purpose="agent", on_read=stop)
            assert client.post("/x", {}, purpose="agent").body() == b"ab"

    def test_a_line_of_a_megabyte(self) -> None:
        body = b"data: " + b"x" * 2**20 + b"\n\n"
        with serving(lambda request, wire: wire.stream([body])) as server:
            assert ask(server).body() == body

    @pytest.mark.parametrize("reply", [b"[1]", b"{", b"\xff"])
    def test_no_json_object_is_none(self, reply: bytes) -> None:
        with (
            serving(lambda request, wire: wire.whole(200, reply)) as server,
            StampedClient(Endpoint.parse(server.url)) as client,
        ):
            assert client.get_json("/props") is None

    def test_the_prefix_is_part_of_every_path(self) -> None:
        with serving(lambda request, wire: wire.whole(200, {})) as server:
            with StampedClient(Endpoint.parse(f"{server.url}/team/v1")) as client:
                client.get("/metrics")
                client.post("/chat/completions", {}, purpose="agent")
            assert [request.path for request in server.requests] == ["/team/metrics", "/team/v1/chat/completions"]

    def test_an_ipv6_host_header_is_in_brackets(self) -> None:
        assert Endpoint.parse("http://[::1]:80/v1").authority == "[::1]:80"
