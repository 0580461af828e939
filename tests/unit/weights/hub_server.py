"""A hub on loopback: the two answers that huggingface_hub asks for, from a folder, with ranges."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from onbox.fetch.verified_folder import git_hash_of

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """What the server holds and what was asked of it."""

    def __init__(self, folder: Path, repository: str) -> None:
        self.folder = folder
        self.repository = repository
        self.ranges = True
        self.cut_after: int | None = None
        """Close the connection after so many bytes of `cut_file`, once."""
        self.cut_file = ""
        self.sent: dict[str, int] = {}
        """Bytes sent by file."""
        self.requests: list[tuple[str, str, str]] = []
        """Method, path, Range."""
        self.url = ""

    def files(self) -> dict[str, Path]:
        return {str(path.relative_to(self.folder)): path for path in sorted(self.folder.rglob("*")) if path.is_file()}


@contextmanager
def serving(folder: Path, repository: str = "org/name") -> Iterator[Hub]:
    """Serve a folder as one repository."""
    hub = Hub(folder, repository)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            path = self.path.split("?")[0]
            hub.requests.append((self.command, path, self.headers.get("Range", "")))
            file = re.match(rf"^/{re.escape(repository)}/resolve/[^/]+/(.+)$", path)
            if path.startswith(f"/api/models/{repository}"):
                self.json(200, info(hub))
            elif file and file.group(1) in hub.files():
                self.file(file.group(1), body=body)
            else:
                self.json(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})

        def json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            for name, text in {**(headers or {}), "Content-Type": "application/json"}.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def file(self, name: str, *, body: bool) -> None:
            path = hub.files()[name]
            size = path.stat().st_size
            match = re.match(r"bytes=(\d+)-(\d*)$", self.headers.get("Range", "")) if hub.ranges else None
            start, end = (int(match[1]), int(match[2] or size - 1)) if match else (0, size - 1)
            end = min(end, size - 1)
            self.send_response(206 if match else 200)
            if match:
                self.send_header("Content-Range", f"bytes {start}-{end}/{size}")
            self.send_header("Content-Length", str(end - start + 1))
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{digest(path)}"')
            self.end_headers()
            if not body:
                return
            with path.open("rb") as source:
                source.seek(start)
                left = end - start + 1
                while left:
                    chunk = source.read(min(left, 65536))
                    if (
                        name == hub.cut_file
                        and hub.cut_after is not None
                        and hub.sent.get(name, 0) + len(chunk) > hub.cut_after
                    ):
                        hub.cut_after = None
                        self.close_connection = True
                        return
                    try:
                        self.wfile.write(chunk)
                    except OSError:
                        self.close_connection = True
                        return
                    hub.sent[name] = hub.sent.get(name, 0) + len(chunk)
                    left -= len(chunk)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def info(hub: Hub) -> dict[str, Any]:
    """What `/api/models/...?blobs=true` answers."""
    siblings = []
    for name, path in hub.files().items():
        size = path.stat().st_size
        entry: dict[str, Any] = {
            "rfilename": name,
            "size": size,
            "blobId": git_hash_of(path) if size < 1 << 28 else None,
        }
        if name.endswith((".safetensors", ".gguf", ".bin", ".pt")):
            entry["lfs"] = {"sha256": digest(path), "size": size, "pointerSize": 134}
        siblings.append(entry)
    return {"id": hub.repository, "modelId": hub.repository, "sha": COMMIT, "siblings": siblings, "private": False}


def digest(path: Path) -> str:
    """sha256, or a stand-in for a sparse giant that no test downloads."""
    if path.stat().st_size > 1 << 28:
        return "f" * 64
    return hashlib.sha256(path.read_bytes()).hexdigest()
