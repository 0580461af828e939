"""An image as one tar that docker (both of its stores) and podman load: an OCI layout with docker's manifest.json.

Layers go in as they came. The names of what is in it come last, so that an archive which breaks off names nothing.
"""

import hashlib
import json
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from onbox.errors import BadSubjectError
from onbox.image.manifest import Descriptor

BLOCK_BYTES = 1 << 20
MTIME_S = 0
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'


def index_of(manifest_raw: bytes, media_type: str, names: Iterable[str]) -> bytes:
    """The `index.json` that gives a manifest its names."""
    digest = f"sha256:{hashlib.sha256(manifest_raw).hexdigest()}"
    entry: dict[str, Any] = {"mediaType": media_type, "digest": digest, "size": len(manifest_raw)}
    entries = [
        {
            **entry,
            "annotations": {
                "io.containerd.image.name": name,
                "org.opencontainers.image.ref.name": name.rpartition(":")[2],
            },
        }
        for name in names
    ]
    return json.dumps({"schemaVersion": 2, "manifests": entries or [entry]}).encode()


def docker_manifest(config: Descriptor, layers: Iterable[Descriptor], names: Iterable[str]) -> bytes:
    """The `manifest.json` that docker's classic store and older podmans read."""
    entry = {
        "Config": f"blobs/sha256/{config.hex}",
        "RepoTags": list(names),
        "Layers": [f"blobs/sha256/{each.hex}" for each in layers],
    }
    return json.dumps([entry]).encode()


@dataclass(frozen=True)
class ArchivedImage:
    """What an archive holds of an image: its manifest as it is, and the names that it is to have."""

    manifest_raw: bytes
    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    names: tuple[str, ...]

    @property
    def manifest(self) -> Descriptor:
        """The manifest as a blob."""
        digest = f"sha256:{hashlib.sha256(self.manifest_raw).hexdigest()}"
        return Descriptor(self.media_type, digest, len(self.manifest_raw))


def write_archive(
    image: ArchivedImage,
    out: IO[bytes],
    where: Callable[[str], Path],
    *,
    more: Mapping[str, bytes] | None = None,
    arrivals: Iterable[Descriptor] | None = None,
    on_bytes: Callable[[int], None] = lambda written: None,
) -> int:
    """Write the tar to a pipe or file, front to back; every blob is held against its digest on the way.

    Args:
        image: what goes in.
        out: where to.
        where: digest -> the file that holds the blob.
        more: further small files, by their name in the tar.
        arrivals: the blobs in the order in which they are to go in, as they come; None: all are here.
        on_bytes: called with the bytes written so far.

    Returns:
        The bytes written.

    Raises:
        BadSubjectError: a blob does not match its digest; the archive then breaks off before it names anything.
    """
    writer = _Writer(out, on_bytes)
    for each in arrivals or {each.digest: each for each in (image.config, *image.layers)}.values():
        writer.file(f"blobs/sha256/{each.hex}", where(each.digest), each)
    writer.small(f"blobs/sha256/{image.manifest.hex}", image.manifest_raw)
    for name, raw in (more or {}).items():
        writer.small(name, raw)
    writer.small("oci-layout", LAYOUT)
    writer.small("index.json", index_of(image.manifest_raw, image.media_type, image.names))
    writer.small("manifest.json", docker_manifest(image.config, image.layers, image.names))
    writer.end()
    return writer.written


class _Writer:
    def __init__(self, out: IO[bytes], on_bytes: Callable[[int], None]) -> None:
        self._out = out
        self._on_bytes = on_bytes
        self.written = 0

    def small(self, name: str, raw: bytes) -> None:
        self._write(_header(name, len(raw)) + raw + _padding(len(raw)))

    def file(self, name: str, path: Path, expected: Descriptor) -> None:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            self._write(_header(name, expected.size_bytes))
            left = expected.size_bytes
            while left and (block := file.read(min(BLOCK_BYTES, left))):
                digest.update(block)
                self._write(block)
                left -= len(block)
            whole = left == 0 and not file.read(1)
        if not whole or digest.hexdigest() != expected.hex:
            path.unlink(missing_ok=True)
            raise BadSubjectError(
                f"{expected.digest[:19]}: the copy that is kept here is broken, and was removed", "fetch it again"
            )
        self._write(_padding(expected.size_bytes))

    def end(self) -> None:
        self._write(b"\0" * 1024)
        self._out.flush()

    def _write(self, raw: bytes) -> None:
        self._out.write(raw)
        self.written += len(raw)
        self._on_bytes(self.written)


def _header(name: str, size_bytes: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size_bytes, 0o644, MTIME_S
    return info.tobuf(tarfile.GNU_FORMAT)


def _padding(size_bytes: int) -> bytes:
    return b"\0" * (-size_bytes % 512)
