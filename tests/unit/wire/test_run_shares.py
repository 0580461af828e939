"""What one run asks costs no other: each has its share of the proxy's room, and its own connections are given up."""

import select
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from onbox.evidence.records import WireBound
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from onbox.wire.proxy import RecordingProxy
from tests.doubles.server import serving


@pytest.fixture
def proxy() -> Iterator[RecordingProxy]:
    with (
        serving(lambda request, wire: wire.whole(200, {})) as server,
        RecordingProxy(Endpoint.parse(server.url)) as made,
    ):
        yield made


def opened(stack: ExitStack, endpoint: Endpoint, head: str = "") -> socket.socket:
    """A connection that has sent the head of a request and none of its body."""
    connection = stack.enter_context(socket.create_connection((endpoint.host, endpoint.port), 5))
    if head:
        connection.sendall(f"{head.replace('PREFIX', endpoint.prefix)}\r\nhost: x\r\n".encode())
        connection.sendall(b"content-length: 100000\r\n\r\n")
    return connection


def test_a_run_that_holds_all_it_may_leaves_others_their_share(
    proxy: RecordingProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onbox.wire.agent_connection.MAX_REQUESTS_BYTES", 200_000)
    refused: Counter[WireBound] = Counter()
    with (
        ExitStack() as stack,
        proxy.recording("greedy", tmp_path / "greedy.jsonl", refused=refused) as greedy,
        proxy.recording("other", tmp_path / "other.jsonl") as other,
    ):
        halves = [opened(stack, greedy, "POST PREFIX/v1/x HTTP/1.1") for _ in range(2)]
        for half in halves:
            half.sendall(b"x" * 60_000)
        # The second of them goes beyond what is the run's; it is answered as soon as that is read.
        (answered,), _, _ = select.select(halves, [], [], 60)
        assert b" 413 " in answered.recv(65_536)
        with StampedClient(other) as agent:
            assert agent.post("/x", {"said": "x" * 80_000}, purpose="agent").status == 200
    assert refused == {WireBound.HELD_BYTES: 1}


def test_a_run_that_opens_connections_loses_its_own(
    proxy: RecordingProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onbox.wire.proxy.CONNECTIONS_MAX", 6)
    with (
        ExitStack() as stack,
        proxy.recording("greedy", tmp_path / "greedy.jsonl") as greedy,
        proxy.recording("other", tmp_path / "other.jsonl") as other,
        StampedClient(other) as agent,
        StampedClient(greedy) as asking,
    ):
        assert agent.post("/x", {}, purpose="agent").status == 200
        connection = agent._socket
        for head in ("", "POST PREFIX/v1/x HTTP/1.1"):
            for _ in range(30):
                opened(stack, greedy, head)
                asking.get("/v1/models")  # So that what was opened before is taken in by now.
        assert agent.post("/x", {}, purpose="agent").status == 200
        assert agent._socket is connection, "though it was the oldest, and idle"


def test_a_request_that_was_answered_holds_nothing(
    proxy: RecordingProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onbox.wire.agent_connection.MAX_REQUESTS_BYTES", 100_000)
    with ExitStack() as stack, proxy.recording("run", tmp_path / "wire.jsonl") as endpoint:
        for _ in range(5):
            agent = stack.enter_context(StampedClient(endpoint))
            assert agent.post("/x", {"said": "x" * 60_000}, purpose="agent").status == 200, "its connection stays open"
