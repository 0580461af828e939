"""A real server over a folder, and a client that sends what a browser would not."""

import http.client
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

from onbox.view.server import ViewServer


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    @property
    def words(self) -> str:
        """The text of a page without its elements."""
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", self.text)).split())

    @property
    def links(self) -> list[str]:
        return [unescape(link) for link in re.findall(r'href="([^"]*)"', self.text)]


class Client:
    """Asks one server, with the cookie once it has it."""

    def __init__(self, server: ViewServer) -> None:
        self.port = server.port
        self.url = server.url
        self.cookie = ""

    def ask(
        self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None, cookie: str | None = None
    ) -> Answer:
        """One request, as it stands."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        given = self.cookie if cookie is None else cookie
        sent = {"Host": f"127.0.0.1:{self.port}", **({"Cookie": given} if given else {}), **(headers or {})}
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        found = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        connection.close()
        return found

    def open(self) -> Answer:
        """The address that was printed; the cookie that it leaves is kept."""
        parts = urlsplit(self.url)
        answer = self.ask(f"{parts.path}?{parts.query}")
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    def get(self, path: str) -> Answer:
        """A page, with the cookie."""
        return self.ask(path)


@contextmanager
def served(folder: Path) -> Iterator[Client]:
    """A client that was let in."""
    server = ViewServer(folder)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        client = Client(server)
        client.open()
        yield client
    finally:
        server.stop()
        thread.join(60)
    assert not thread.is_alive()
