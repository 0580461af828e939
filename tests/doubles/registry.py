"""A registry on loopback whose faults are chosen: cuts, stalls, wrong bytes, statuses, redirects, bearer tokens."""

import base64
import gzip
import hashlib
import io
import json
import random
import socket
import tarfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from onbox.image.registry_client import OCI_INDEX, OCI_MANIFEST
from onbox.machine_names import machine

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"
HERE = machine()


def digest_of(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def layer_tar(files: dict[str, bytes]) -> bytes:
    """A layer with these files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o755
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


@dataclass
class Faults:
    """What goes wrong, by the digest or tag that is asked for; counters say how often it still does."""

    cut_every: int = 0
    """Bytes of a blob after which the connection is cut, as long as `cuts` last."""
    cuts: int = 0
    stall_after: int = 0
    """Bytes after which nothing more comes, as long as `stalls` last."""
    stalls: int = 0
    wrong: int = 0
    """So many times the body of a blob above 1 kB is changed."""
    truncate: bool = False
    """A blob ends early, and its length is told as what was sent."""
    statuses: list[int] = field(default_factory=list)
    """Of the next requests for blobs."""
    manifest_statuses: list[int] = field(default_factory=list)
    retry_after: str = ""
    redirect_to: str = ""
    """Base URL that blobs are redirected to."""
    no_ranges: bool = False
    wrong_digest_header: bool = False


class FakeRegistry:
    """Images in memory, behind a real socket."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.faults = Faults()
        self.login = ""
        """`user:password` that tokens are given for; empty gives none and asks for none."""
        self.basic = False
        """The login is asked for straight, without tokens."""
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.sent: Counter[str] = Counter()
        """Digest -> bytes of it that left."""
        self.token_requests = 0
        self.lock = threading.Lock()
        self.url = ""

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def add(
        self,
        name: str,
        layers: list[bytes],
        *,
        tag: str = "1",
        architecture: str = HERE,
        config: dict[str, Any] | None = None,
        media_type: str = LAYER,
    ) -> str:
        """Put an image of these layer tars in; its digest."""
        packed = [gzip.compress(each, 1) if media_type == LAYER else each for each in layers]
        record = {
            "os": "linux",
            "architecture": architecture,
            "config": config or {},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(each) for each in layers]},
        }
        raw = json.dumps(record).encode()
        for blob in (raw, *packed):
            self.blobs[digest_of(blob)] = blob
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest_of(raw), "size": len(raw)},
            "layers": [{"mediaType": media_type, "digest": digest_of(each), "size": len(each)} for each in packed],
        }
        return self.put_manifest(name, tag, OCI_MANIFEST, manifest)

    def put_manifest(self, name: str, tag: str, media_type: str, manifest: Any) -> str:
        body = json.dumps(manifest).encode()
        for key in (tag, digest_of(body)):
            self.manifests[f"{name}/{key}"] = (media_type, body)
        return digest_of(body)

    def add_list(self, name: str, entries: dict[str, str], *, tag: str = "1") -> str:
        """A list of platform -> digest; the attestation that buildx adds is there too."""
        lines = []
        for each, digest in entries.items():
            os, architecture, *variant = each.split("/")
            size = len(self.manifests[f"{name}/{digest}"][1])
            entry = {"os": os, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
            lines.append({"mediaType": OCI_MANIFEST, "digest": digest, "size": size, "platform": entry})
        lines.insert(0, {"mediaType": OCI_MANIFEST, "digest": f"sha256:{'0' * 64}", "size": 1,
                        "platform": {"os": "unknown", "architecture": "unknown"}})  # fmt: skip
        return self.put_manifest(name, tag, OCI_INDEX, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": lines})

    def headers_of(self, part: str) -> list[dict[str, str]]:
        """Of the requests whose path holds `part`."""
        return [headers for path, headers in self.requests if part in path]


def random_layer(megabytes: int, seed: int = 1) -> bytes:
    """A layer that does not pack."""
    return layer_tar({f"data-{seed}": random.Random(seed).randbytes(megabytes << 20)})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: FakeRegistry

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        registry, faults = self.registry, self.registry.faults
        with registry.lock:
            registry.requests.append((self.path, dict(self.headers.items())))
        if self.path.startswith("/token"):
            self._token()
            return
        if not self._allowed():
            return
        parts = self.path.removeprefix("/v2/").split("/")
        if parts == [""]:
            self._answer(200, b"{}")
            return
        name, kind, what = "/".join(parts[:-2]), parts[-2], parts[-1]
        if kind == "manifests":
            if faults.manifest_statuses:
                self._fail(faults.manifest_statuses.pop(0))
                return
            found = registry.manifests.get(f"{name}/{what}")
            if found is None:
                self._fail(404)
                return
            result = f"sha256:{'1' * 64}" if faults.wrong_digest_header else digest_of(found[1])
            self._answer(200, found[1], {"Content-Type": found[0], "Docker-Content-Digest": result})
            return
        self._blob(what)

    def _blob(self, digest: str) -> None:
        registry, faults = self.registry, self.registry.faults
        with registry.lock:
            status = faults.statuses.pop(0) if faults.statuses else 0
        if status:
            self._fail(status)
            return
        if faults.redirect_to:
            self._answer(307, b"", {"Location": f"{faults.redirect_to}{self.path}"})
            return
        raw = registry.blobs.get(digest)
        if raw is None:
            self._fail(404)
            return
        with registry.lock:
            if faults.wrong and len(raw) > 1024:
                faults.wrong -= 1
                raw = b"\0" * 16 + raw[16:]
        if faults.truncate:
            raw = raw[: len(raw) // 2]
        begin = 0
        request = self.headers.get("Range", "")
        if request.startswith("bytes=") and not faults.no_ranges:
            begin = int(request.removeprefix("bytes=").rstrip("-"))
        if begin and begin >= len(raw):
            self._fail(416)
            return
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(raw) - 1}/{len(raw)}")
        self.send_header("Content-Length", str(len(raw) - begin))
        self.end_headers()
        self._stream(digest, raw[begin:])

    def _stream(self, digest: str, body: bytes) -> None:
        registry, faults = self.registry, self.registry.faults
        stop, silent = len(body), False
        with registry.lock:
            if faults.cuts and faults.cut_every and len(body) > faults.cut_every:
                faults.cuts -= 1
                stop = faults.cut_every
            elif faults.stalls and faults.stall_after and len(body) > faults.stall_after:
                faults.stalls -= 1
                stop, silent = faults.stall_after, True
        try:
            for at in range(0, stop, 65536):
                block = body[at : min(at + 65536, stop)]
                self.wfile.write(block)
                registry.sent[digest] += len(block)
            self.wfile.flush()
            if silent:
                self.connection.settimeout(30)
                self.connection.recv(1)
        except OSError:
            pass
        if stop < len(body):
            self.close_connection = True
            if not silent:
                self.connection.shutdown(socket.SHUT_RDWR)

    def _allowed(self) -> bool:
        registry = self.registry
        if not registry.login:
            return True
        result = self.headers.get("Authorization", "")
        basic = "Basic " + base64.b64encode(registry.login.encode()).decode()
        if result == (basic if registry.basic else "Bearer token-for-you"):
            return True
        challenge = "Basic realm=here"
        if not registry.basic:
            challenge = f'Bearer realm="{registry.url}/token",service="fake",scope="repository:x:pull"'
        self._answer(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}',
                     {"WWW-Authenticate": challenge})  # fmt: skip
        return False

    def _token(self) -> None:
        registry = self.registry
        registry.token_requests += 1
        basic = "Basic " + base64.b64encode(registry.login.encode()).decode()
        if self.headers.get("Authorization") != basic:
            self._fail(401)
            return
        self._answer(200, json.dumps({"token": "token-for-you", "expires_in": 300}).encode())

    def _fail(self, status: int) -> None:
        headers = {"Retry-After": self.registry.faults.retry_after} if self.registry.faults.retry_after else {}
        self._answer(status, json.dumps({"errors": [{"code": "X", "message": f"words of {status}"}]}).encode(), headers)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: Any) -> None:
        pass


@contextmanager
def serving_registry() -> Iterator[FakeRegistry]:
    """A registry while the body runs."""
    registry = FakeRegistry()
    handler = type("Handler", (_Handler,), {"registry": registry})
    server = _Server(("127.0.0.1", 0), handler)
    registry.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
