"""Ports of this box: free ones, taken ones, and by whom."""

import random
import socket
from pathlib import Path

import psutil

from onbox.wire.endpoint import Endpoint

FORWARDERS = frozenset({"docker-proxy", "rootlessport", "slirp4netns", "pasta", "haproxy", "nginx", "ssh"})
"""Processes that listen for a server that runs elsewhere."""

LOWEST = 20_000
"""Below it are the ports that services are known by."""
TRIES = 1000


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on right now.

    An engine binds it when it has loaded, which may take minutes. So it is one that the kernel gives to no client in
    the meantime, as it does with those of `ip_local_port_range`; where that range leaves few, it is any.
    """
    for port in random.sample(outside := _outside(), min(TRIES, len(outside))):
        if _can_be_bound(port):
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        given: int = probe.getsockname()[1]
        return given


def _outside() -> range:
    """The ports below those that the kernel gives to clients."""
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return range(0)
    return range(LOWEST, first) if first - LOWEST >= TRIES else range(0)


def _can_be_bound(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: what a connection that is over left behind is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def port_open(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), 0.5):
            return True
    except OSError:
        return False


def nothing_listens(host: str, port: int) -> bool:
    """Whether connections are refused there; False also where a server may only be too busy to accept one."""
    try:
        with socket.create_connection((host, port), 0.5, all_errors=True):
            return False
    except ExceptionGroup as group:
        return all(isinstance(error, ConnectionRefusedError) for error in group.exceptions)
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
