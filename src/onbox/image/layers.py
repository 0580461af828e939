"""Every file of an image, layer by layer, out of what `docker save` writes, an OCI layout, or the blobs that are kept.

Layers are streamed and never unpacked to disk; a file that a later layer replaces or removes does not count.
"""

import gzip
import io
import lzma
import posixpath
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, Generic, TypeVar, cast

from onbox.errors import BadSubjectError, BoxError, install_extra
from onbox.untrusted_json import parse

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
TAR_MAGIC_AT, TAR_MAGIC = 257, b"ustar"
WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
JSON_BYTES_MAX = 64 << 20
HEAD_BYTES = 512
AGAIN = "save or fetch it again"

T = TypeVar("T")
Look = Callable[[str, int, IO[bytes]], T | None]
"""(path in the image, its size, its bytes from the first on) -> what was found; None for nothing of interest."""


@dataclass
class Layer(Generic[T]):
    """What one layer adds and takes away."""

    found: dict[str, T] = field(default_factory=dict)
    """Path -> what was found in it."""
    replaced: set[str] = field(default_factory=set)
    """All files that it writes."""
    removed: set[str] = field(default_factory=set)
    """Files and folders that it removes."""
    emptied: set[str] = field(default_factory=set)
    """Folders whose earlier content it hides."""


def overlaid(layers: Iterable[Layer[T]]) -> dict[str, T]:
    """What is left to be seen when layers lie on each other, the lowest first."""
    here: dict[str, T] = {}
    for layer in layers:
        gone = [*layer.removed, *layer.emptied]
        for path in list(here):
            if path in layer.replaced or any(path == each or path.startswith(f"{each}/") for each in gone):
                del here[path]
        here |= layer.found
    return here


def read_layer(stream: IO[bytes], look: Look[T], name: str) -> Layer[T]:
    """Look at every regular file of a layer, which may be packed.

    Raises:
        BadSubjectError: it is broken.
        BoxError: it is packed by something that is not installed.
    """
    layer: Layer[T] = Layer()
    try:
        with unpacked(stream, name) as plain, tarfile.open(fileobj=plain, mode="r|", bufsize=1 << 18) as archive:
            for member in archive:
                path = posixpath.normpath(member.name).lstrip("/")
                folder, _, base = path.rpartition("/")
                if base == OPAQUE:
                    layer.emptied.add(folder)
                elif base.startswith(WHITEOUT):
                    layer.removed.add(posixpath.join(folder, base.removeprefix(WHITEOUT)))
                elif member.isreg():
                    layer.replaced.add(path)
                    file = archive.extractfile(member)
                    found = look(path, member.size, file) if file is not None else None
                    if found is not None:
                        layer.found[path] = found
                elif not member.isdir():
                    layer.replaced.add(path)
                    if member.islnk():
                        target = posixpath.normpath(member.linkname).lstrip("/")
                        if target in layer.found:
                            layer.found[path] = layer.found[target]
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise BadSubjectError(f"{name}: the layer is broken: {error}", "fetch the image again") from error
    return layer


@contextmanager
def unpacked(stream: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    """The plain tar of a layer.

    Raises:
        BoxError: it is packed by zstd and nothing here unpacks that.
    """
    buffered = (
        stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast("Any", _Raw(stream)), 1 << 18)
    )
    head = buffered.peek(4)[:4]
    if head[:2] == GZIP:
        with gzip.GzipFile(fileobj=buffered) as plain:
            yield cast("IO[bytes]", plain)
    elif head == ZSTD:
        try:
            import zstandard
        except ImportError as error:
            raise BoxError(f"{name}: packed by zstd, which is not installed", install_extra("image")) from error
        with zstandard.ZstdDecompressor().stream_reader(buffered, read_across_frames=True) as reader:
            yield cast("IO[bytes]", io.BufferedReader(reader, 1 << 18))
    else:
        yield buffered


class _Raw(io.RawIOBase):
    """A stream that can only be read, as BufferedReader wants it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._stream.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)


def as_buffered(stream: IO[bytes]) -> io.BufferedReader:
    """A stream whose beginning can be looked at without reading it."""
    return io.BufferedReader(cast("Any", _Raw(stream)), 1 << 18)


@dataclass
class Contents(Generic[T]):
    """What a whole image holds."""

    config: dict[str, Any]
    files: dict[str, T]


def read_archive(stream: IO[bytes], look: Look[T], name: str) -> Contents[T]:
    """Read an image as `docker save`, `podman save` or an OCI layout's tar gives it, front to back.

    Raises:
        BadSubjectError: it is broken, or no image.
    """
    layers: dict[str, Layer[T]] = {}
    links: dict[str, str] = {}
    texts: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 18) as archive:
            for member in archive:
                path = posixpath.normpath(member.name)
                if member.issym() or member.islnk():
                    base = posixpath.dirname(path) if member.issym() else ""
                    links[path] = posixpath.normpath(posixpath.join(base, member.linkname))
                    continue
                file = archive.extractfile(member) if member.isreg() else None
                if file is None:
                    continue
                reader = as_buffered(file)
                head = reader.peek(HEAD_BYTES)[:HEAD_BYTES]
                if _is_layer(head):
                    layers[path] = read_layer(cast("IO[bytes]", reader), look, f"{name}: {path[:32]}")
                elif member.size <= JSON_BYTES_MAX and head[:1] in (b"{", b"["):
                    texts[path] = reader.read()
    except (tarfile.TarError, EOFError) as error:
        raise BadSubjectError(
            f"{name}: not an image's archive, or cut off: {error}", "save or fetch it again"
        ) from error
    return _assembled(texts, layers, links, name)


def _is_layer(head: bytes) -> bool:
    return head[:2] == GZIP or head[:4] == ZSTD or head[TAR_MAGIC_AT : TAR_MAGIC_AT + 5] == TAR_MAGIC


def _assembled(texts: dict[str, bytes], layers: dict[str, Layer[T]], links: dict[str, str], name: str) -> Contents[T]:
    try:
        if "manifest.json" in texts:
            listed = parse(texts["manifest.json"])[0]
            config, order = (
                texts[posixpath.normpath(listed["Config"])],
                [posixpath.normpath(each) for each in listed["Layers"]],
            )
        else:
            entry = parse(texts["index.json"])["manifests"][0]["digest"]
            listed = parse(texts[_blob(entry)])
            config, order = (
                texts[_blob(listed["config"]["digest"])],
                [_blob(each["digest"]) for each in listed["layers"]],
            )
        data = parse(config)
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise BadSubjectError(
            f"{name}: holds no image: {error}", "name what docker save or onbox image export wrote"
        ) from error
    missing = [each for each in order if links.get(each, each) not in layers]
    if missing:
        raise BadSubjectError(f"{name}: its layer {missing[0][:48]} is not in it", AGAIN)
    return Contents(data, overlaid(layers[links.get(each, each)] for each in order))


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"
