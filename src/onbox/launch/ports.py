"""Ports of this box: free ones, taken ones, and by whom."""

import socket

import psutil

from onbox.wire.endpoint import Endpoint

FORWARDERS = frozenset({"docker-proxy", "rootlessport", "slirp4netns", "pasta", "haproxy", "nginx", "ssh"})
"""Processes that listen for a server that runs elsewhere."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_open(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), 0.5):
            return True
    except OSError:
        return False


def listener_pid(endpoint: Endpoint) -> int | None:
    """The process on this box that listens there; None for one that is elsewhere, hidden, or only passes bytes on."""
    if endpoint.host not in ("127.0.0.1", "::1", "localhost"):
        return None
    try:
        owners = {
            c.pid
            for c in psutil.net_connections("tcp")
            if c.laddr and c.laddr.port == endpoint.port and c.status == "LISTEN"
        }
        pids = [pid for pid in owners if pid and psutil.Process(pid).name() not in FORWARDERS]
    except psutil.Error:
        return None
    return pids[0] if len(pids) == 1 else None


def taken_by(port: int) -> str:
    """Who listens there, as the end of a sentence; empty when it cannot be seen."""
    pid = listener_pid(Endpoint("http", "127.0.0.1", port))
    return f" by process {pid} ({psutil.Process(pid).name()})" if pid else ""
