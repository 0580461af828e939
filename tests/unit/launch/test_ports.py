"""A port for an engine stays free until it has loaded."""

import socket
from pathlib import Path

import pytest

from onbox.launch import ports
from tests.doubles.busy_server import busy_server


def test_it_is_none_that_the_kernel_gives_to_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_outside", lambda: range(20_000, 21_500))
    assert {ports.free_port() // 1500 for _ in range(50)} <= {13, 14}
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    monkeypatch.undo()
    if first - ports.LOWEST >= ports.TRIES:
        assert not any(first <= ports.free_port() <= last for _ in range(50))


def test_one_that_is_taken_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(ports, "_outside", lambda: range(port, port + 1))
        assert ports.free_port() != port
    assert not ports.port_open("127.0.0.1", port)


def test_a_server_too_busy_to_accept_is_not_one_that_is_gone() -> None:
    with busy_server() as port:
        assert (ports.port_open("127.0.0.1", port), ports.nothing_listens("127.0.0.1", port)) == (False, False)
    assert ports.nothing_listens("127.0.0.1", port)


@pytest.mark.parametrize("found", ["", "x", "20500 65535"])
def test_where_the_range_leaves_few_it_is_any(found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda self: found)
    assert ports._outside() == range(0)
    assert 0 < ports.free_port() < 65_536
