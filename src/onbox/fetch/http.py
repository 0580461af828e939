"""HTTP for large files: urllib3 with the system's certificates, by one named route, and redirects that keep secrets.

A credential is sent to the host that it was made for and to no other: a redirect to another origin loses it.
"""

import os
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError, ProxyError, SSLError

from onbox.errors import FetchError, UsageError

CONNECT_S = 15.0
STALL_S = 30.0
REDIRECTS_MAX = 8
REDIRECTS = frozenset({301, 302, 303, 307, 308})
SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})
WHOLE_S = 60.0
"""For an answer that is small: a byte now and then keeps a connection from stalling for ever."""
PROXY_SCHEMES = ("http", "https", "socks5", "socks5h", "socks4", "socks4a")

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Route:
    """How requests leave this box.

    Args:
        proxy: URL of a proxy for every request; empty is none.
        from_environment: follow HTTPS_PROXY, HTTP_PROXY and NO_PROXY, where `proxy` is empty.
    """

    proxy: str = ""
    from_environment: bool = True

    def proxy_for(self, url: str) -> str:
        """The proxy that a request to `url` goes through; empty for none."""
        if self.proxy:
            return self.proxy
        if not self.from_environment:
            return ""
        parts = urlsplit(url)
        if urllib.request.proxy_bypass(parts.netloc):
            return ""
        proxies = urllib.request.getproxies()
        return proxies.get(parts.scheme) or proxies.get("all") or ""


DIRECT = Route(from_environment=False)
ENVIRONMENT = Route()


@dataclass
class Client:
    """A pool of connections by one route.

    Args:
        route: how requests leave this box.
        stall_s: seconds without a byte after which a connection counts as dead.
        connections: kept for one host; more than there are workers, as one may stall while it is let go of.
        authorities: host and port -> files of certificates that are trusted for it beside the system's.
    """

    route: Route = ENVIRONMENT
    stall_s: float = STALL_S
    connections: int = 12
    authorities: Mapping[str, Iterable[Path]] = field(default_factory=dict)
    _pools: dict[tuple[str, str], urllib3.PoolManager] = field(default_factory=dict, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> urllib3.BaseHTTPResponse:
        """The response of a GET, its body not read yet; redirects are followed, without secrets to another origin.

        Raises:
            FetchError: no connection, or a redirect that leads nowhere or out of TLS.
        """
        sent = {"Accept-Encoding": "identity", **(headers or {})}
        for _ in range(REDIRECTS_MAX):
            response = self._request("GET", url, sent)
            target = response.headers.get("Location")
            if response.status not in REDIRECTS or not target:
                return response
            response.close()
            following = urljoin(url, target)
            if urlsplit(following).scheme not in ("http", "https"):
                raise FetchError(f"{host_of(url)}: redirects to {urlsplit(following).scheme}:, which is not followed")
            if urlsplit(url).scheme == "https" and urlsplit(following).scheme == "http":
                raise FetchError(f"{host_of(url)}: redirects out of TLS to {host_of(following)}, which is not followed")
            if origin_of(following) != origin_of(url):
                sent = {name: value for name, value in sent.items() if name.lower() not in SECRET_HEADERS}
            url = following
        raise FetchError(f"{host_of(url)}: more than {REDIRECTS_MAX} redirects")

    def post(self, url: str, fields: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        """The response of a form that is sent; redirects are not followed, as the form holds secrets.

        Raises:
            FetchError: no connection.
        """
        return self._request(
            "POST", url, {"Content-Type": "application/x-www-form-urlencoded"}, urlencode(fields).encode()
        )

    def close(self) -> None:
        """Let go of all connections."""
        with self._lock:
            for pool in self._pools.values():
                pool.clear()
            self._pools.clear()

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> urllib3.BaseHTTPResponse:
        timeout = urllib3.Timeout(connect=CONNECT_S, read=self.stall_s)
        try:
            return self._pool(url).request(
                method, url, headers=dict(headers), body=body, timeout=timeout,
                preload_content=False, redirect=False, retries=False,
            )  # fmt: skip
        except (HTTPError, LocationParseError, OSError) as error:
            raise connection_failed(url, error, self.route.proxy_for(url)) from error

    def _pool(self, url: str) -> urllib3.PoolManager:
        host, proxy = urlsplit(url).netloc, self.route.proxy_for(url)
        key = (host if host in self.authorities else "", proxy)
        with self._lock:
            if key not in self._pools:
                self._pools[key] = self._new_pool(proxy, _context(self.authorities.get(host, ())))
            return self._pools[key]

    def _new_pool(self, proxy: str, context: ssl.SSLContext) -> urllib3.PoolManager:
        shared: dict[str, Any] = {"maxsize": self.connections, "block": False, "ssl_context": context}
        if not proxy:
            return urllib3.PoolManager(**shared)
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        if parts.scheme not in PROXY_SCHEMES or not parts.hostname:
            raise UsageError(
                f"proxy {proxy_label(proxy)}: not a proxy", "write http://HOST:PORT or socks5h://HOST:PORT"
            )
        if parts.scheme.startswith("socks"):
            from urllib3.contrib.socks import SOCKSProxyManager

            return SOCKSProxyManager(parts.geturl(), **shared)
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        secret = urllib3.make_headers(proxy_basic_auth=parts.netloc.rpartition("@")[0] or None)
        return urllib3.ProxyManager(bare, proxy_headers=secret, **shared)


def in_time(ask: Callable[[], Answer], whole_s: float | None = None) -> Answer:
    """What `ask` returns or raises, if it is over in time; else it goes on in a thread that nobody waits for.

    Args:
        ask: requests, and reads what comes.
        whole_s: seconds from now; None: WHOLE_S.

    Raises:
        TimeoutError: it is not over.
    """
    whole_s = WHOLE_S if whole_s is None else whole_s
    answered: Future[Answer] = Future()

    def carry_out() -> None:
        try:
            answered.set_result(ask())
        except BaseException as error:
            answered.set_exception(error)

    # Not a pool's thread: the interpreter would wait for it at its end.
    threading.Thread(target=carry_out, name="small-answer", daemon=True).start()
    try:
        return answered.result(whole_s)
    except TimeoutError:
        if answered.done():
            raise  # By `ask` itself.
        raise TimeoutError(f"the answer was not over after {whole_s:.3g} s") from None


def connection_failed(url: str, error: Exception, proxy: str = "") -> FetchError:
    """What urllib3 or the socket raised, as one line with a next step."""
    host = host_of(url)
    reason: BaseException = error
    while (inner := getattr(reason, "reason", None) or reason.__cause__) and isinstance(inner, BaseException):
        reason = inner
    words = str(reason).rpartition(">: ")[2].partition("\n")[0][:160] or type(reason).__name__
    if isinstance(error, SSLError) or isinstance(reason, ssl.SSLError):
        return FetchError(
            f"{host}: TLS: {words}", "add its certificate to the system's, or set SSL_CERT_FILE to the authority's file"
        )
    if isinstance(error, ProxyError) or (proxy and "SOCKS" in words):
        return FetchError(f"{host}: the proxy {proxy_label(proxy)} does not work: {words}", "or go --direct")
    return FetchError(f"{host}: {words}")


def host_of(url: str) -> str:
    """Host and port of a URL, for messages: a query may hold a signature."""
    return urlsplit(url).netloc.rpartition("@")[2]


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: what a credential is bound to."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def proxy_label(proxy: str) -> str:
    """A proxy without its password."""
    scheme, separator, rest = proxy.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _context(authorities: Iterable[Path]) -> ssl.SSLContext:
    """The system's certificates (SSL_CERT_FILE and SSL_CERT_DIR are followed), and those of one host."""
    context = ssl.create_default_context()
    for path in authorities:
        try:
            context.load_verify_locations(os.fspath(path))
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"{path}: not a certificate of an authority: {error}") from error
    return context
