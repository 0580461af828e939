"""Files of a trial as they are: text as text, whatever it says that it is, and all else to be saved."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from starlette.responses import Response, StreamingResponse

from onbox.errors import UsageError
from onbox.evidence.folder import TrialFolder

NAMES_MAX = 5000
"""In one folder's list."""
LOOK_BYTES = 8192
CHUNK_BYTES = 1 << 17
SANDBOX = "sandbox; default-src 'none'"
IMAGES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
"""Kinds in which no script can be."""


@dataclass(frozen=True)
class FileEntry:
    """A file or folder in a list."""

    name: str
    is_folder: bool
    bytes: int


def listed(folder: TrialFolder, names: tuple[str, ...]) -> tuple[list[FileEntry], bool] | None:
    """What lies in a folder, and whether that is cut off; None: it is no folder. Links are left out."""
    path = folder.path.joinpath(*names)
    if not path.is_dir():
        return None
    found: list[FileEntry] = []
    with os.scandir(path) as entries:
        for entry in entries:
            kind = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(kind.st_mode) or stat.S_ISDIR(kind.st_mode):
                found.append(FileEntry(entry.name, stat.S_ISDIR(kind.st_mode), kind.st_size))
            if len(found) > NAMES_MAX:
                break
    found.sort(key=lambda each: (not each.is_folder, _by_number(each.name)))
    return found[:NAMES_MAX], len(found) > NAMES_MAX


def _by_number(name: str) -> tuple[str, str]:
    """Numbers by their value: run 2 comes before run 10."""
    return (name.zfill(12), name) if name.isdecimal() else (name, name)


def sent(folder: TrialFolder, names: tuple[str, ...]) -> Response:
    """A file, as long as it is now.

    Raises:
        UsageError: there is none.
    """
    path = folder.path.joinpath(*names)
    try:
        file: IO[Any] = path.open("rb")
    except OSError as error:
        raise UsageError(f"{'/'.join(names)}: {error.strerror}") from error
    size = os.fstat(file.fileno()).st_size
    head = file.read(LOOK_BYTES)
    image = IMAGES.get(path.suffix.lower())
    binary = b"\0" in head or _is_packed(head)
    kind = image or ("application/octet-stream" if binary else "text/plain; charset=utf-8")
    headers = {"content-security-policy": SANDBOX, "content-length": str(size)}
    if binary and not image:
        headers["content-disposition"] = "attachment"
    return StreamingResponse(_chunks(file, size), headers=headers, media_type=kind)


def _is_packed(head: bytes) -> bool:
    return head.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"))


def _chunks(file: IO[Any], size: int) -> Iterator[bytes]:
    """So many bytes: a file that grows meanwhile is told as it was, one that shrinks is filled up."""
    with file:
        file.seek(0)
        while size > 0:
            data: bytes = file.read(min(CHUNK_BYTES, size)) or b"\0" * min(CHUNK_BYTES, size)
            size -= len(data)
            yield data
