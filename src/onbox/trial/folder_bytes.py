"""Folders as bytes, for the way between the boxes of a cluster."""

import io
import tarfile
from pathlib import Path

from onbox.atomic_files import write_atomic


def pack(*paths: Path) -> bytes:
    """Files and folders under their own names as a gzipped tar; links are followed, so that it stands on its own."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1, dereference=True) as tar:
        for path in sorted(paths):
            tar.add(path, path.name, filter=lambda member: None if "__pycache__" in member.name else member)
    return buffer.getvalue()


def unpack(data: bytes, folder: Path, last: str = "") -> None:
    """Write what was packed.

    Args:
        data: of `pack`.
        folder: where to; made if it is not there, and what is in it stays.
        last: a file at the top that is written when all else is there, so that a cut-off folder is known by its lack.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
        tar.extractall(folder, [member for member in tar.getmembers() if member.name != last], filter="data")
        if last and (file := tar.extractfile(last)) is not None:
            write_atomic(folder / last, file.read())
