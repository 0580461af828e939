"""What a server may send has bounds: bytes, a line's bytes, time, and what compressed bytes become."""

import gzip
import json
import socket
import threading
import time
import tracemalloc
from contextlib import ExitStack, suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onbox.evidence.folder import read_lines
from onbox.evidence.records import Exchange
from onbox.protocol.framing import LINES_MAX, LineParser, SseParser
from onbox.protocol.reply_reader import BROKEN_MAX, MESSAGES_MAX, ReplyReader
from onbox.untrusted_json import DEPTH_MAX, VALUES_MAX, UntrustedJsonError, parse, parse_object
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from onbox.wire.limits import WireLimits
from onbox.wire.proxy import RecordingProxy
from onbox.wire.redaction import REDACTED, redacted_chunks
from tests.doubles.server import ReceivedRequest, Server, Wire, serving
from tests.exchanges import delta, event

SMALL = WireLimits(reply_bytes=100_000, line_bytes=10_000, request_s=3.0, head_s=2.0, kept_bytes=1000)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


def ask(server: Server, limits: WireLimits = SMALL, key: str = "", read_timeout_s: float = 60.0) -> Exchange:
    where = Endpoint.parse(server.url)
    endpoint = Endpoint(where.scheme, where.host, where.port, key=key)
    with StampedClient(endpoint, read_timeout_s=read_timeout_s, limits=limits) as client:
        return client.post("/chat/completions", {"stream": True}, purpose="agent")


class TestClient:
    @pytest.mark.parametrize(
        ("piece", "error"),
        [
            (b"data: x\n\n" * 100, "the reply is longer than 100,000 bytes"),
            (b"x" * 5000, "a line of the reply is longer than 10,000 bytes"),
        ],
    )
    def test_a_reply_that_never_ends_is_ended_and_its_beginning_kept(self, piece: bytes, error: str) -> None:
        def script(request: ReceivedRequest, wire: Wire) -> None:
            wire.send(HEAD)
            while not wire.closed:
                wire.send(piece)

        with serving(script) as server:
            exchange = ask(server, WireLimits(reply_bytes=100_000, line_bytes=10_000, kept_bytes=1000))
        assert exchange.error == error
        assert exchange.body() == (piece * 100)[:1000]

    def test_a_trickle_is_ended_by_the_whole_time(self) -> None:
        def script(request: ReceivedRequest, wire: Wire) -> None:
            wire.send(HEAD)
            while not wire.closed:
                wire.send(b": ping\n\n")
                wire.pause(0.05)

        began = time.monotonic()
        with serving(script) as server:
            assert ask(server).error == "the reply was not over after 3 s"
        assert time.monotonic() - began < 20

    def test_interim_answers_do_not_prolong_the_wait_for_the_status(self) -> None:
        def script(request: ReceivedRequest, wire: Wire) -> None:
            while not wire.closed:
                wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
                wire.pause(0.01)

        with serving(script) as server:
            assert ask(server, WireLimits(), read_timeout_s=0.5).error == "no status line after 1.5 s"

    def test_a_compressed_body_is_bounded_as_it_is_undone(self) -> None:
        bomb = gzip.compress(b"\0" * 50_000_000)

        def script(request: ReceivedRequest, wire: Wire) -> None:
            wire.send(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb) + bomb)

        with serving(script) as server:
            exchange = ask(server)
        assert exchange.error == "the reply is longer than 100,000 bytes"
        assert exchange.body() == b"\0" * 1000

    def test_a_key_that_two_reads_cut_in_two_is_not_on_record(self) -> None:
        key = "sk-" + "a1b2c3d4" * 4

        def script(request: ReceivedRequest, wire: Wire) -> None:
            wire.send(HEAD.replace(b"connection", b"x-request-id: " + key.encode() + b"\r\nconnection"))
            for piece in (f"data: {key[:10]}", f"{key[10:20]}", f"{key[20:]} and {key}\n\n"):
                wire.send(piece.encode())
                wire.pause(0.3)
            wire.close()

        with serving(script) as server:
            exchange = ask(server, WireLimits(), key=key)
        assert exchange.body().decode() == f"data: {REDACTED} and {REDACTED}\n\n"
        assert key not in exchange.model_dump_json()
        assert len(exchange.chunks) >= 2


class TestProxy:
    def exchange(self, tmp_path: Path, server: Server, raw: bytes = b"") -> tuple[bytes, list[Exchange]]:
        """What an agent gets that sends `raw`, and the record."""
        usual = b"POST PREFIX/v1/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"
        found = b""
        with (
            RecordingProxy(Endpoint.parse(server.url), limits=SMALL) as proxy,
            proxy.recording("run", tmp_path / "wire.jsonl") as endpoint,
            socket.create_connection((endpoint.host, endpoint.port), 5) as agent,
        ):
            agent.sendall((raw or usual).replace(b"PREFIX", endpoint.prefix.encode()))
            agent.settimeout(60)
            with suppress(ConnectionError):
                while more := agent.recv(65_536):
                    found += more
        return found, [Exchange.model_validate(line) for line in read_lines(tmp_path / "wire.jsonl")]

    def test_no_connect(self, tmp_path: Path) -> None:
        with serving(lambda request, wire: wire.whole(200, b"")) as server:
            raw = b"CONNECT PREFIX/v1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
            found, records = self.exchange(tmp_path, server, raw)
        assert b" 405 " in found
        assert (records, server.requests) == ([], [])

    def test_an_endless_reply_is_broken_off_and_recorded(self, tmp_path: Path) -> None:
        def script(request: ReceivedRequest, wire: Wire) -> None:
            wire.send(HEAD)
            while not wire.closed:
                wire.send(b"data: x\n\n" * 100)

        with serving(script) as server:
            _, (record,) = self.exchange(tmp_path, server)
        assert record.error == "LimitExceededError: the reply is longer than 100,000 bytes"
        assert len(record.body()) == 1000

    def test_an_engine_that_only_says_continue_is_an_error_to_the_agent(self, tmp_path: Path) -> None:
        def script(request: ReceivedRequest, wire: Wire) -> None:
            while not wire.closed:
                wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
                wire.pause(0.01)

        with serving(script) as server:
            found, (record,) = self.exchange(tmp_path, server)
        assert b" 502 " in found
        assert record.status is None

    def test_more_connections_than_an_agent_needs_are_hung_up_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("onbox.wire.proxy.CONNECTIONS_MAX", 5)
        with (
            ExitStack() as stack,
            serving(lambda request, wire: wire.whole(200, {})) as server,
            RecordingProxy(Endpoint.parse(server.url), limits=SMALL) as proxy,
            proxy.recording("run", tmp_path / "wire.jsonl") as endpoint,
        ):
            idle = [stack.enter_context(socket.create_connection((endpoint.host, endpoint.port), 5)) for _ in range(20)]
            with StampedClient(endpoint) as agent:
                assert agent.post("/x", {}, purpose="agent").status == 200, "of another run, it is not in the way"
            for each in idle[:15]:
                each.settimeout(5)
                assert self.is_closed(each)

    def is_closed(self, connection: socket.socket) -> bool:
        try:
            return connection.recv(1) == b""
        except ConnectionResetError:
            return True

    def test_so_many_requests_of_one_run_at_a_time(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("onbox.wire.proxy.RUN_REQUESTS_MAX", 1)
        came, go_on = threading.Event(), threading.Event()

        def script(request: ReceivedRequest, wire: Wire) -> None:
            came.set()
            go_on.wait(60)
            wire.whole(200, {})

        statuses = []

        def ask_first(endpoint: Endpoint) -> None:
            with StampedClient(endpoint) as agent:
                statuses.append(agent.post("/x", {}, purpose="agent").status)

        with (
            serving(script) as server,
            RecordingProxy(Endpoint.parse(server.url)) as proxy,
            proxy.recording("run", tmp_path / "wire.jsonl") as endpoint,
            proxy.recording("other", tmp_path / "other.jsonl") as other,
        ):
            thread = threading.Thread(target=ask_first, args=(endpoint,))
            thread.start()
            assert came.wait(60)
            with StampedClient(endpoint) as agent:
                assert agent.post("/x", {}, purpose="agent").status == 429
            go_on.set()
            with StampedClient(other) as agent:
                assert agent.post("/x", {}, purpose="agent").status == 200
            thread.join()
        assert statuses == [200]

    def test_all_requests_together_have_a_bound(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("onbox.wire.agent_connection.MAX_REQUESTS_BYTES", 5000)
        with (
            serving(lambda request, wire: wire.whole(200, {})) as server,
            RecordingProxy(Endpoint.parse(server.url), limits=SMALL) as proxy,
            proxy.recording("run", tmp_path / "wire.jsonl") as endpoint,
        ):
            for size, status in ((3000, 200), (3000, 200), (6000, 413), (3000, 200)):
                with StampedClient(endpoint) as agent:
                    assert agent.post("/x", {"said": "x" * size}, purpose="agent").status == status

    def test_a_run_whose_record_is_full_asks_no_more(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("onbox.wire.proxy.RECORD_BYTES_MAX", 2000)
        statuses = []
        with (
            serving(lambda request, wire: wire.whole(200, {})) as server,
            RecordingProxy(Endpoint.parse(server.url), limits=SMALL) as proxy,
            proxy.recording("run", tmp_path / "wire.jsonl") as endpoint,
            StampedClient(endpoint) as agent,
        ):
            for _ in range(5):
                statuses.append(agent.post("/x", {"said": "x" * 900}, purpose="agent").status)
            assert len(server.requests) == 2
        assert statuses == [200, 200, 413, 413, 413]

    def test_a_body_of_any_depth_passes_and_is_kept_as_text(self, tmp_path: Path) -> None:
        body = b"[" * 100_000
        raw = b"POST PREFIX/v1/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 100000\r\n\r\n" + body
        with serving(lambda request, wire: wire.whole(200, {})) as server:
            found, (record,) = self.exchange(tmp_path, server, raw)
            assert server.requests[0].body == body
        assert b" 200 " in found
        assert record.request == body.decode()


class TestParsers:
    @pytest.mark.parametrize("parser", [SseParser, LineParser])
    def test_a_line_that_is_long_costs_in_proportion(self, parser: type[SseParser] | type[LineParser]) -> None:
        def seconds(count: int) -> float:
            cutter, began = parser(), time.process_time()
            for _ in range(count):
                assert cutter.events(b"x" * 4096) == []
            return time.process_time() - began

        seconds(100)
        # Four times as much takes about four times as long; were it copied for each read, sixteen times.
        assert min(seconds(16_000) for _ in range(3)) < 10 * max(seconds(4000), 0.001)

    def test_arguments_in_many_pieces_cost_in_proportion(self) -> None:
        piece = event(
            json.dumps({"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "x" * 99}}]}}]})
        )
        reader = ReplyReader()
        for n in range(20_000):
            reader.feed(n, piece.encode())
        (call,) = reader.end().tool_calls
        assert call.arguments == "x" * 99 * 20_000

    def test_more_messages_than_any_model_sends_are_not_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("onbox.protocol.reply_reader.MESSAGES_MAX", 10)
        reader = ReplyReader()
        for n in range(30):
            reader.feed(n, delta(content="a").encode())
        reply = reader.end()
        assert reply.content == "a" * 11
        assert "more than 10 messages" in (reply.error or "")
        assert MESSAGES_MAX >= 10**5

    @pytest.mark.parametrize("piece", [b"\n" * 8, b": ping\n\n", b"data: x\n", b"event: x\n\n"])
    @pytest.mark.parametrize("parser", [SseParser, LineParser])
    def test_a_flood_of_lines_is_not_read_to_its_end(
        self, parser: type[SseParser] | type[LineParser], piece: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("onbox.protocol.framing.LINES_MAX", 1000)
        monkeypatch.setattr("onbox.protocol.framing._PIECE_BYTES", 64)
        monkeypatch.setattr("onbox.protocol.reply_reader.LINES_MAX", 1000)
        reader = ReplyReader(framing=(cutter := parser()))
        reader.feed(1, piece * 100_000)
        assert 1000 < cutter.lines < 1100
        assert reader.end().error is not None
        assert LINES_MAX >= 2 * 10**5

    def test_lines_cut_anywhere_are_the_same_in_pieces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        body = "".join(f"data: {n}é\r\nid: {n}\r\n\r\n" for n in range(50)).encode()
        whole = SseParser().feed(body)
        assert len(whole) == 50
        for size in range(1, 20):
            monkeypatch.setattr("onbox.protocol.framing._PIECE_BYTES", size)
            assert SseParser().feed(body) == whole, size

    def test_messages_that_are_no_json_are_tried_a_while(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tried = []

        def refused(text: str) -> None:
            tried.append(text)
            raise UntrustedJsonError

        monkeypatch.setattr("onbox.protocol.reply_reader.parse", refused)
        reader = ReplyReader()
        for n in range(3 * BROKEN_MAX):
            reader.feed(n, b"data: {no\n\n")
        assert reader.end().error == "not JSON: {no"
        assert len(tried) == BROKEN_MAX


class TestJson:
    @pytest.mark.parametrize(
        "text",
        [
            "[" * 100_000,
            '{"a":' * 100_000,
            "[" * 101 + "]" * 101,
            "NaN",
            "[Infinity]",
            "1e999",
            "1" + "0" * 400,
            "9" * 5000,
            f"[{'[],' * (VALUES_MAX // 2)}[]]",
            f"[{'1,' * VALUES_MAX}1]",
            "",
            "{",
        ],
    )
    def test_what_cannot_be_worked_with_is_one_error(self, text: str) -> None:
        for kind in (text, text.encode()):
            with pytest.raises(UntrustedJsonError):
                parse(kind)

    @pytest.mark.parametrize("letters", [",", "{[ ", '\\",', "\\\\,", "\n:"])
    def test_what_stands_in_a_text_is_no_value(self, letters: str) -> None:
        """A table of a million numbers that a model wrote, or an agent read, is one text."""
        value = {"content": letters * VALUES_MAX, "more": [1, 2]}
        document = json.dumps(value)
        assert parse(document) == parse(document.encode()) == value

    @pytest.mark.parametrize(
        "text", ['"' + '\\",' * VALUES_MAX, '",' * VALUES_MAX + "\\", '["' + "a," * VALUES_MAX + "\\"]
    )
    def test_a_text_without_an_end_is_refused_in_one_pass(self, text: str) -> None:
        for kind in (text, text.encode()):
            with pytest.raises(UntrustedJsonError):
                parse(kind)

    def test_millions_of_texts_take_little_memory_to_be_refused(self) -> None:
        for document in ('["b",' + '"a",' * 2 * VALUES_MAX, ('["b",' + '"a",' * 2 * VALUES_MAX).encode()):
            tracemalloc.start()
            with pytest.raises(UntrustedJsonError, match="values"):
                parse(document)
            peak_bytes = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak_bytes < len(document)

    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(2**63), 2**63)
            | st.text()
            | st.floats(allow_nan=False, allow_infinity=False),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        )
    )
    def test_all_else_is_as_json_has_it(self, value: object) -> None:
        assert parse(json.dumps(value)) == value

    def test_depth_is_counted_and_brackets_in_texts_are_not(self) -> None:
        assert parse("[" * DEPTH_MAX + "]" * DEPTH_MAX) is not None
        assert parse(json.dumps(["[" * 1000])) == ["[" * 1000]
        assert parse("[" + "[]," * 1000 + "[]]") == [[]] * 1001

    def test_an_object_is_asked_for(self) -> None:
        with pytest.raises(UntrustedJsonError, match="not a JSON object but list"):
            parse_object("[]")

    def test_a_model_may_write_any_integer(self) -> None:
        assert (
            parse_object('{"n": 123456789012345678901234567890}', any_integer=True)["n"]
            == 123456789012345678901234567890
        )


class TestRedaction:
    @given(st.lists(st.integers(0, 60), max_size=6), st.text("ab", max_size=20), st.text("ab", max_size=20))
    def test_wherever_it_is_cut(self, places: list[int], before: str, after: str) -> None:
        secret = "SECRET-KEY-0123"
        whole = f"{before}{secret}{after}{secret}{before}"
        at = sorted({0, *(place for place in places if place < len(whole)), len(whole)})
        chunks = [(n, whole[a:b]) for n, (a, b) in enumerate(pairwise(at))]
        found = redacted_chunks(chunks, (secret,))
        assert "".join(text for _, text in found) == whole.replace(secret, REDACTED)
        assert [t for t, _ in found] == [t for t, _ in chunks]
