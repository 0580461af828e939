"""What came in over TCP, asked of the kernel by `sock_diag`: any user may ask, of the whole network namespace.

Which process a socket belongs to is known by its inode, and only the owner of a process (or root) may look that up.
"""

import os
import re
import socket
import struct
from contextlib import suppress
from typing import NamedTuple

from onbox.watch.samples import Socket

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
REQUEST_DUMP = 0x301
DONE, ERROR = 3, 2
INET_DIAG_INFO = 2
ESTABLISHED, CLOSE_WAIT, LISTEN = 1, 8, 10
STATES = 1 << ESTABLISHED | 1 << CLOSE_WAIT | 1 << LISTEN
LAST_DATA_RECEIVED = 52
"""Offset in `struct tcp_info`, milliseconds."""
BYTES_RECEIVED = 128
INODE = re.compile(r"socket:\[(\d+)\]")


class Connection(NamedTuple):
    """A TCP socket as the kernel describes it."""

    state: int
    inode: int
    uid: int
    local: tuple[bytes, int]
    remote: tuple[bytes, int]
    received_bytes: int
    quiet_s: float


class SocketTable:
    """All TCP sockets of this network namespace.

    Raises:
        OSError: this kernel does not answer.
    """

    def __init__(self) -> None:
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG)
        self._netlink.settimeout(1.0)

    def read(self) -> list[Connection]:
        """Those that listen, are established, or were closed by the other side."""
        return [found for family in (socket.AF_INET, socket.AF_INET6) for found in self._dump(family)]

    def close(self) -> None:
        self._netlink.close()

    def _dump(self, family: int) -> list[Connection]:
        ask = struct.pack("=BBBxI48x", family, socket.IPPROTO_TCP, 1 << (INET_DIAG_INFO - 1), STATES)
        self._netlink.send(struct.pack("=IHHII", 16 + len(ask), SOCK_DIAG_BY_FAMILY, REQUEST_DUMP, 1, 0) + ask)
        found: list[Connection] = []
        while True:
            data = self._netlink.recv(1 << 16)
            at = 0
            while at + 16 <= len(data):
                length, kind = struct.unpack_from("=IH", data, at)
                if kind == DONE:
                    return found
                if kind == ERROR or length < 16:
                    raise OSError(f"sock_diag: the kernel refuses to list sockets of family {family}")
                found.append(_parse(data[at + 16 : at + length]))
                at += (length + 3) & ~3


def _parse(message: bytes) -> Connection:
    """Read a `struct inet_diag_msg` with its attributes."""
    state = message[1]
    local_port, remote_port = struct.unpack_from("!HH", message, 4)
    uid, inode = struct.unpack_from("=II", message, 64)
    received, quiet_ms = 0, 0
    at = 72
    while at + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, at)
        if length < 4:
            break
        if kind == INET_DIAG_INFO and length >= 4 + BYTES_RECEIVED + 8:
            (quiet_ms,) = struct.unpack_from("=I", message, at + 4 + LAST_DATA_RECEIVED)
            (received,) = struct.unpack_from("=Q", message, at + 4 + BYTES_RECEIVED)
        at += (length + 3) & ~3
    local, remote = (message[8:24], local_port), (message[24:40], remote_port)
    return Connection(state, inode, uid, local, remote, received, quiet_ms / 1000)


def out_of_the_set(connections: list[Connection], inodes: set[int]) -> tuple[Socket, ...]:
    """The connections that the set opened to others.

    A connection within the set is talk among its members, and one that another opened may be our own look at the
    engine: neither is progress.
    """
    ours = [each for each in connections if each.inode in inodes]
    listening = {each.local[1] for each in ours if each.state == LISTEN}
    ends = {each.local for each in ours}
    return tuple(
        Socket(each.inode, each.received_bytes, each.quiet_s)
        for each in ours
        if each.state != LISTEN and each.local[1] not in listening and each.remote not in ends
    )


class OpenSocket(NamedTuple):
    """What a process has open."""

    sockets: set[int]
    files: dict[str, str]
    """Number of the descriptor -> path, of regular files."""


def read_descriptors(pid: int, limit: int = 512) -> OpenSocket | None:
    """The sockets and regular files that a process has open; None when it is not ours to look at."""
    sockets: set[int] = set()
    files: dict[str, str] = {}
    folder = f"/proc/{pid}/fd"
    try:
        numbers = os.listdir(folder)[:limit]
    except OSError:
        return None
    for number in numbers:
        with suppress(OSError):
            target = os.readlink(f"{folder}/{number}")
            if match := INODE.fullmatch(target):
                sockets.add(int(match[1]))
            elif target.startswith("/") and not target.startswith(("/dev/", "/proc/", "/sys/", "/memfd:")):
                files[number] = target
    return OpenSocket(sockets, files)
