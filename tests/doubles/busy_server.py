"""A server that lives and accepts no connection: its backlog is full."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def busy_server(port: int = 0) -> Iterator[int]:
    """Listen on 127.0.0.1 in this process, where further connections wait in vain; yields the port."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", port), backlog=0))
        while True:
            try:
                stack.enter_context(socket.create_connection(server.getsockname(), timeout=0.5))
            except TimeoutError:
                break
        yield server.getsockname()[1]
