"""The server: on loopback alone, until it is stopped."""

import secrets
import socket
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from onbox.errors import BoxError
from onbox.view.access import Access
from onbox.view.library import Library
from onbox.view.site import Site

LOOPBACK = "127.0.0.1"
CONNECTIONS_MAX = 64
HEADER_BYTES_MAX = 32_768
END_S = 1
"""For pages that are still being followed when the server is stopped."""


class ViewServer:
    """A server that listens already; `serve` answers.

    Args:
        folder: of trials, or one trial.
        port: a free one if 0.

    Raises:
        UsageError: there is no such folder.
        BoxError: it cannot listen there.
    """

    def __init__(self, folder: Path, port: int = 0) -> None:
        site = Site(Library(folder))
        self._socket = _listen(port)
        self.port: int = self._socket.getsockname()[1]
        token = secrets.token_urlsafe(24)
        self.url = f"http://{LOOPBACK}:{self.port}/?token={token}"
        self._server = uvicorn.Server(_config(Access(site.app(), token, f"onbox-view-{secrets.token_hex(4)}")))

    def serve(self) -> None:
        """Answer until interrupted, or until `stop`."""
        self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """End `serve`, from another thread."""
        self._server.should_exit = True


def _listen(port: int) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((LOOPBACK, port))
        found.listen(128)
    except OSError as error:
        found.close()
        raise BoxError(
            f"--port {port}: cannot listen there: {error.strerror}", "leave it out for a free one"
        ) from error
    return found


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        http="h11",
        loop="asyncio",
        limit_concurrency=CONNECTIONS_MAX,
        h11_max_incomplete_event_size=HEADER_BYTES_MAX,
        timeout_graceful_shutdown=END_S,
    )
