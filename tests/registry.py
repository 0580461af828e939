"""A real registry with TLS on loopback, tokens where they are wanted, and a proxy that lets through what it is told to.

The registry's folder is written straight in its own layout, so that nothing has to be pushed. Its name is resolved by
the proxy, and by whoever maps it to loopback: a loopback address is what no proxy is ever used for.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from onbox.image.registry_client import OCI_MANIFEST
from onbox.launch.ports import free_port
from onbox.machine_names import machine
from tests.doubles.registry import CONFIG, LAYER, digest_of

NAME = "registry.test"
READY_S = 60.0


# ------------------------------------------------------------ the registry's folder


@dataclass
class Repositories:
    """The storage of a registry, written as it would write it itself."""

    root: Path

    def blob(self, raw: bytes) -> str:
        digest = digest_of(raw)
        folder = self._blob_folder(digest)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "data").write_bytes(raw)
        return digest

    def blob_file(self, path: Path) -> tuple[str, int]:
        """Move a file in; its digest and size."""
        with path.open("rb") as file:
            digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        size = path.stat().st_size
        folder = self._blob_folder(digest)
        folder.mkdir(parents=True, exist_ok=True)
        path.replace(folder / "data")
        return digest, size

    def image(
        self, name: str, tag: str, layers: list[tuple[str, int, str]], config: dict[str, Any] | None = None
    ) -> str:
        """Put an image in whose layers (digest, size, diff id) are there; its digest."""
        record = {
            "os": "linux",
            "architecture": machine(),
            "config": config or {},
            "rootfs": {"type": "layers", "diff_ids": [diff for _, _, diff in layers]},
        }
        raw = json.dumps(record).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": CONFIG, "digest": self.blob(raw), "size": len(raw)},
            "layers": [{"mediaType": LAYER, "digest": digest, "size": size} for digest, size, _ in layers],
        }
        body = json.dumps(manifest).encode()
        digest = self.blob(body)
        repository = self.root / "docker/registry/v2/repositories" / name
        for each in (digest_of(raw), *(layer[0] for layer in layers)):
            self._link(repository / "_layers/sha256" / each.removeprefix("sha256:"), each)
        self._link(repository / "_manifests/revisions/sha256" / digest.removeprefix("sha256:"), digest)
        self._link(repository / f"_manifests/tags/{tag}/current", digest)
        self._link(repository / f"_manifests/tags/{tag}/index/sha256" / digest.removeprefix("sha256:"), digest)
        return digest

    def _blob_folder(self, digest: str) -> Path:
        name = digest.removeprefix("sha256:")
        return self.root / "docker/registry/v2/blobs/sha256" / name[:2] / name

    def _link(self, folder: Path, digest: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "link").write_text(digest)


# ------------------------------------------------------------ the registry


@dataclass(frozen=True)
class RealRegistry:
    """docker-registry behind TLS."""

    port: int
    authority: Path
    """The certificate to trust."""
    repositories: Repositories

    @property
    def host(self) -> str:
        return f"{NAME}:{self.port}"


@contextmanager
def real_registry(folder: Path, *, login: str = "") -> Iterator[RealRegistry]:
    """docker-registry while the body runs.

    Args:
        folder: for its storage, certificates and log.
        login: `user:password` that it wants tokens for; empty lets everybody read.
    """
    port, token_port = free_port(), free_port()
    authority, certificate, key = _certificates(folder)
    lines = [
        "version: 0.1",
        "log: {level: warn}",
        f"storage: {{filesystem: {{rootdirectory: {folder}/storage}}, delete: {{enabled: true}}}}",
        f"http: {{addr: '127.0.0.1:{port}', tls: {{certificate: {certificate}, key: {key}}}}}",
    ]
    if login:
        realm = f"https://{NAME}:{token_port}/token"
        lines.append(
            f"auth: {{token: {{realm: '{realm}', service: onbox, issuer: onbox, rootcertbundle: {authority}}}}}"
        )
    (folder / "registry.yml").write_text("\n".join(lines) + "\n")
    with contextlib.ExitStack() as stack:
        if login:
            stack.enter_context(_tokens(token_port, login, folder, certificate, key))
        log = stack.enter_context((folder / "registry.log").open("wb"))
        process = subprocess.Popen(
            ["docker-registry", "serve", str(folder / "registry.yml")], stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_for(port, process)
            yield RealRegistry(port, authority, Repositories(folder / "storage"))
        finally:
            process.terminate()
            process.wait(60)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the registry ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError("the registry did not come up")


def _openssl(*words: str, stdin: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *words], input=stdin, capture_output=True, check=True).stdout


def _certificates(folder: Path) -> tuple[Path, Path, Path]:
    """(authority, certificate, key) for the registry's name."""
    folder.mkdir(parents=True, exist_ok=True)
    authority, authority_key = folder / "ca.crt", folder / "ca.key"
    certificate, key, request = folder / "s.crt", folder / "s.key", folder / "s.csr"
    new = ("req", "-newkey", "rsa:2048", "-nodes", "-days", "30")
    _openssl(*new, "-x509", "-subj", "/CN=onbox test authority", "-keyout", str(authority_key), "-out", str(authority))
    _openssl(*new[:-2], "-subj", f"/CN={NAME}", "-keyout", str(key), "-out", str(request))
    (folder / "names").write_text(f"subjectAltName=DNS:{NAME},IP:127.0.0.1\n")
    by = ("-CA", str(authority), "-CAkey", str(authority_key), "-CAcreateserial")
    _openssl("x509", "-req", "-in", str(request), *by,
             "-days", "30", "-extfile", str(folder / "names"), "-out", str(certificate))  # fmt: skip
    return authority, certificate, key


@contextmanager
def _tokens(port: int, login: str, folder: Path, certificate: Path, key: Path) -> Iterator[None]:
    """A server of tokens as distribution's specification has it: JWT, signed by the authority's key."""
    import ssl

    expected = "Basic " + base64.b64encode(login.encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            request = parse_qs(urlsplit(self.path).query)
            good = self.headers.get("Authorization") == expected
            body = (
                json.dumps({"token": _jwt(request["scope"][0], folder), "expires_in": 300}).encode() if good else b"{}"
            )
            self.send_response(200 if good else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _jwt(scope: str, folder: Path) -> str:
    def packed(raw: bytes) -> bytes:
        return base64.urlsafe_b64encode(raw).rstrip(b"=")

    der = _openssl("x509", "-in", str(folder / "ca.crt"), "-outform", "DER")
    kind, name, actions = scope.split(":")
    now = int(time.time())
    header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
    claims = {
        "iss": "onbox", "sub": "me", "aud": "onbox", "exp": now + 300, "nbf": now - 9, "iat": now, "jti": "1",
        "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
    }  # fmt: skip
    signed = packed(json.dumps(header).encode()) + b"." + packed(json.dumps(claims).encode())
    signature = _openssl("dgst", "-sha256", "-sign", str(folder / "ca.key"), stdin=signed)
    return (signed + b"." + packed(signature)).decode()


# ------------------------------------------------------------ the proxy


@dataclass
class ThrottledProxy:
    """An HTTP proxy for CONNECT, as slow as it is told to be."""

    bytes_s: float
    port: int = 0
    requests: list[str] = field(default_factory=list)
    passed: int = 0
    """Bytes towards the client."""
    cut_off: bool = False
    """It refuses everything."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, ready: threading.Event, over: asyncio.Event) -> None:
        server = await asyncio.start_server(self._client, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await over.wait()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
            self.requests.append(f"{method} {target}")
            host, _, port = target.rpartition(":")
            # Test names alone lead anywhere, and to loopback only.
            if method != "CONNECT" or host != NAME or self.cut_off:
                writer.write(b"HTTP/1.1 502 cut off\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
                writer.close()
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", int(port))
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(self._pump(reader, far_writer, None), self._pump(far_reader, writer, self.bytes_s))

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, rate: float | None) -> None:
        try:
            while chunk := await source.read(16384):
                target.write(chunk)
                await target.drain()
                if rate is not None:
                    self.passed += len(chunk)
                    # All connections share what there is.
                    async with self._turn:
                        await asyncio.sleep(len(chunk) / rate)
        except OSError:
            pass
        finally:
            with contextlib.suppress(OSError):
                target.close()


@contextmanager
def throttled_proxy(bytes_s: float) -> Iterator[ThrottledProxy]:
    """A proxy while the body runs; all connections together get this many bytes a second."""
    proxy, ready = ThrottledProxy(bytes_s), threading.Event()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(proxy.serve(ready, over)), daemon=True)
    thread.start()
    assert ready.wait(60)
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(60)
