"""Where a server listens."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from onbox.errors import UsageError

_PATH = re.compile(r"[!$%&'()*+,\-./:;=@\w~]*", re.ASCII)


@dataclass(frozen=True)
class Endpoint:
    """The address of an OpenAI-compatible server.

    Args:
        scheme: `http` or `https`.
        host: name or address.
        port: TCP port.
        prefix: what comes before `/v1`, often empty.
        key: what the server wants as bearer; never shown, never recorded.
    """

    scheme: str
    host: str
    port: int
    prefix: str = ""
    key: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> "Endpoint":
        """Read `http://host:port[/prefix][/v1]`.

        Raises:
            UsageError: it is no http or https URL.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
            (parts.hostname or "").encode("idna")
        except ValueError as error:
            raise UsageError(f"{url}: not a URL: {error}", "write http://HOST:PORT/v1") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{url}: not an http or https URL", "write http://HOST:PORT/v1")
        prefix = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
        if parts.username is not None or parts.query or parts.fragment or not _PATH.fullmatch(prefix):
            raise UsageError(
                f"{url}: more than host, port and path, or a path that needs escapes", "write http://HOST:PORT/v1"
            )
        return cls(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), prefix)

    @property
    def authority(self) -> str:
        """`host:port` as a Host header has it; an IPv6 address is in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def authorization(self) -> dict[str, str]:
        """The header that carries the key; none without one."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    @property
    def root(self) -> str:
        """The URL that `/metrics` and `/health` hang on."""
        return f"{self.scheme}://{self.authority}{self.prefix}"

    @property
    def api(self) -> str:
        """The URL that `/chat/completions` hangs on."""
        return f"{self.root}/v1"

    def __str__(self) -> str:
        return self.api
