"""Where a server listens."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from onbox.errors import UsageError


@dataclass(frozen=True)
class Endpoint:
    """The address of an OpenAI-compatible server.

    Args:
        scheme: `http` or `https`.
        host: name or address.
        port: TCP port.
        prefix: what comes before `/v1`, often empty.
    """

    scheme: str
    host: str
    port: int
    prefix: str = ""

    @classmethod
    def parse(cls, url: str) -> "Endpoint":
        """Read `http://host:port[/prefix][/v1]`.

        Raises:
            UsageError: it is no http or https URL.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise UsageError(f"{url}: not a URL: {error}", "write http://HOST:PORT/v1") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{url}: not an http or https URL", "write http://HOST:PORT/v1")
        prefix = parts.path.rstrip("/").removesuffix("/v1")
        return cls(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), prefix)

    @property
    def root(self) -> str:
        """The URL that `/metrics` and `/health` hang on."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.prefix}"

    @property
    def api(self) -> str:
        """The URL that `/chat/completions` hangs on."""
        return f"{self.root}/v1"

    def __str__(self) -> str:
        return self.api
