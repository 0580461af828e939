"""The record of a run is whole the moment the run is over."""

import gc
import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from onbox.evidence.folder import read_lines
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from onbox.wire.proxy import RecordingProxy


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def upstream() -> Iterator[Endpoint]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Endpoint("http", "127.0.0.1", server.server_port)
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_last_exchange_is_on_file_when_the_recording_ends(upstream: Endpoint, tmp_path: Path) -> None:
    with RecordingProxy(upstream) as proxy:
        for number in range(200):
            path = tmp_path / f"{number}.jsonl"
            with proxy.recording(f"run{number}", path) as endpoint, StampedClient(endpoint) as client:
                reply = client.post("/chat/completions", {"n": number}, purpose="agent")
            assert json.loads(reply.body()) == {"n": number}
            assert [line["request"] for line in read_lines(path)] == [{"n": number}]


def test_a_run_that_is_over_takes_no_more_requests(upstream: Endpoint, tmp_path: Path) -> None:
    path = tmp_path / "wire.jsonl"
    with RecordingProxy(upstream) as proxy:
        with proxy.recording("run", path) as endpoint:
            pass
        with StampedClient(endpoint) as client:
            assert client.post("/chat/completions", {}, purpose="agent").status == 410
    assert list(read_lines(path)) == []


def test_who_comes_in_the_moment_of_the_end_is_hung_up_on(upstream: Endpoint) -> None:
    """asyncio loses what it accepts in the turn in which a server closes; nobody but the collector closes it then."""
    gc.disable()  # As a client does while it waits.
    try:
        with RecordingProxy(upstream) as proxy:
            busy = threading.Event()

            def hold() -> None:
                busy.set()
                time.sleep(0.3)

            proxy._loop.call_soon_threadsafe(hold)
            busy.wait()
            clients = [socket.create_connection(("127.0.0.1", proxy.port)) for _ in range(3)]
            proxy.break_off()
            for client in clients:
                client.settimeout(60.0)
                with client:
                    assert client.recv(1) == b""
            with StampedClient(Endpoint("http", "127.0.0.1", proxy.port)) as late:
                assert late.get("/v1/models").status is None
    finally:
        gc.enable()


def test_a_long_folder_for_temporary_files_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address of a Unix socket holds 107 bytes; a path to one may be longer."""
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with RecordingProxy(Endpoint("http", "127.0.0.1", 9)) as proxy:
        assert len(str(proxy.socket)) > 120
        assert proxy.socket.is_socket()
