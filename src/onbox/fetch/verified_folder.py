"""What became of a fetch, and the check of a folder that is here already."""

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onbox import weights
from onbox.errors import FetchError
from onbox.fetch.hashing import hashes_of

Tell = Callable[[str], None]
"""Left free on the disk whatever is fetched."""


@dataclass(frozen=True)
class FetchedFile:
    """One file that is here now. `verified` names the hash that was compared, or is empty when none is published."""

    name: str
    bytes: int
    verified: str


@dataclass(frozen=True)
class SkippedFile:
    """One file that was left where it is, and why."""

    name: str
    bytes: int
    why: str


@dataclass(frozen=True)
class FetchedFolder:
    """What is here now and what was left out."""

    source: str
    folder: str
    model: Path
    """What to name as the model: the folder, or its one GGUF file."""
    bytes_fetched: int
    bytes_present: int
    files: tuple[FetchedFile, ...]
    skipped: tuple[SkippedFile, ...] = ()

    @property
    def bytes_skipped(self) -> int:
        """Of the files that were left out."""
        return sum(each.bytes for each in self.skipped)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON, with the keys of the command line contract."""
        return {**dataclasses.asdict(self), "model": str(self.model), "bytes_skipped": self.bytes_skipped}


def verify_folder(path: Path) -> FetchedFolder:
    """Check that a folder or file here is a whole model: headers, index, shards and sizes agree.

    Raises:
        UsageError: they do not; file and field are named.
    """
    facts = weights.read(path)
    folder = path if path.is_dir() else path.parent
    files = tuple(FetchedFile(name, (folder / name).stat().st_size, "") for name in facts.files)
    return FetchedFolder(str(path), str(folder), path, 0, facts.bytes_total, files)


def git_hash_of(path: Path) -> str:
    """The id that git gives to a file's content, as hex; small files on the hub are known by it."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def expect_hash(path: Path, kind: str, expected: str, *, known: str | None = None) -> None:
    """Compare, and remove a file that is not what was published, so that the next fetch brings it anew.

    Args:
        known: the hash as far as it is known already; before a file is removed for it, the file is hashed again.

    Raises:
        FetchError: the hashes differ.
    """
    if known == expected.lower():
        return
    computed = hashes_of((path,), full_check=True)[0] if kind == "sha256" else git_hash_of(path)
    if computed != expected.lower():
        path.unlink()
        raise FetchError(f"{path}: {kind} is {computed}, published is {expected}; removed", "fetch it again")
