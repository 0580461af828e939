"""A sandbox with something in it, and what its tests share."""

import contextlib
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from onbox.bench.sandbox import Bind, CommandResult, CommandSpec, Sandbox
from onbox.bench.sandbox.bubblewrap import Bubblewrap
from onbox.bench.sandbox.none import Unsafe
from onbox.bench.sandbox.sandlock import Sandlock

CLOSED = [pytest.param(Bubblewrap, marks=pytest.mark.bwrap), Sandlock]
ALL = [*CLOSED, Unsafe]


class Place:
    """A sandbox with a writable workspace, read-only tests and a host file outside both."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.workspace, self.tests = folder / "workspace", folder / "tests"
        for made in (self.workspace, self.tests):
            made.mkdir()
        (self.tests / "gate.sh").write_text("exit 0\n")
        self.outside = folder / "outside.txt"
        self.outside.write_text("a secret of the host")

    def run(
        self,
        *argv: str,
        timeout_s: float = 10,
        env: dict[str, str] | None = None,
        stdin: bytes = b"",
        output_limit_bytes: int = 65_536,
    ) -> CommandResult:
        binds = {"APP_DIR": Bind(self.workspace, "/app", writable=True), "TESTS_DIR": Bind(self.tests, "/tests")}
        return self.sandbox.run(
            CommandSpec(
                argv,
                binds=binds,
                cwd="APP_DIR",
                timeout_s=timeout_s,
                env=env or {},
                stdin=stdin,
                output_limit_bytes=output_limit_bytes,
            )
        )

    def shell(self, script: str, *, timeout_s: float = 10) -> CommandResult:
        return self.run("sh", "-c", script, timeout_s=timeout_s)


def in_tiers(tiers: list[object]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("place", tiers, indirect=True)


def alive(marker: str) -> list[int]:
    """The processes of this box with `marker` in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if marker.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def wait_for(condition: Callable[[], object], patience_s: float = 60) -> bool:
    until = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


ASK = """
import socket, sys
for port in sys.argv[1:]:
    try:
        with socket.create_connection(("127.0.0.1", int(port)), timeout=10) as connection:
            connection.sendall(b"hello")
            connection.shutdown(socket.SHUT_WR)
            print(connection.makefile().read())
    except OSError as error:
        print(type(error).__name__)
"""


@contextlib.contextmanager
def echoing(socket_path: Path) -> Iterator[int]:
    """A server on a port of loopback and on a Unix socket that says in capitals what it hears."""

    class Echo(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            message = b""
            while data := self.request.recv(100):
                message += data
            self.request.sendall(message.upper())

    with (
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as tcp,
        socketserver.ThreadingUnixStreamServer(str(socket_path), Echo) as unix,
    ):
        for server in (tcp, unix):
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield tcp.server_address[1]
        tcp.shutdown()
        unix.shutdown()
