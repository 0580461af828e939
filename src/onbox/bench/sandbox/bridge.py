"""Runs inside a sandbox without network: 127.0.0.1:PORT leads to a server of the box through a Unix socket.

`bridge.py PORT SOCKET COMMAND...` listens, runs the command, and ends with its exit code. It is given to the sandbox's
interpreter as text, so it imports nothing of onbox.
"""

import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress

READ_BYTES = 65_536


def main(port: int, path: str, command: list[str]) -> int:
    """Serve while the command runs; its exit code, 128 + n when it died of signal n."""
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    threading.Thread(target=_serve, args=(listener, path), daemon=True).start()
    code = subprocess.Popen(command).wait()
    return code if code >= 0 else 128 - code


def _serve(listener: socket.socket, path: str) -> None:
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(path)
        except OSError:
            client.close()
            server.close()
            continue
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=_copy, args=(source, target), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Carry bytes until one side is done; the other is told that no more will come."""
    with suppress(OSError):
        while data := source.recv(READ_BYTES):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    exit_code = main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
    sys.stdout.flush()
    # The copying threads may hold locks; nothing of this process is worth an orderly end.
    os._exit(exit_code)
