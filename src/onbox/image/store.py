"""What onbox keeps of images: blobs by their digest, and a note of each image that was fetched or sealed.

The classic store of docker forgets the digest of what is loaded into it, so the note is where it is found again.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from onbox.atomic_files import write_atomic, write_json
from onbox.user_folders import cache_folder


class FetchedImage(BaseModel):
    """An image that came from a registry."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    reference: str
    digest: str
    """Of the manifest for the platform."""
    index_digest: str = ""
    """Of the list that it was chosen from; empty for none."""
    config_digest: str
    """What the classic store of docker, and podman, call the image's id."""
    platform: str
    size_bytes: int
    """Of its blobs as they travel."""
    layers: tuple[str, ...] = ()
    registry: str = ""
    """Who served it: the registry itself, or a mirror."""
    route: str = ""
    """`direct`, or the proxy it came through."""
    seconds: float = 0.0
    fetch_s: float = 0.0
    load_s: float = 0.0
    """From the last byte fetched until it was loaded; what came before is loaded while the rest comes."""
    bytes_received: int = 0
    reconnects: int = 0
    fetched_at: str = ""
    loaded_into: str = ""
    """`docker` or `podman`; empty for one that is only kept here."""
    local_name: str = ""
    """By which that one knows it."""
    image_id: str = ""


class ImageStore:
    """A folder of blobs and notes.

    Args:
        root: by default `images` in the cache of onbox.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or cache_folder() / "images"

    def blob(self, digest: str) -> Path:
        """Where the blob of a digest lies, or will."""
        return self.root / "blobs" / "sha256" / digest.removeprefix("sha256:")

    def put(self, raw: bytes) -> str:
        """Keep a small blob; its digest."""
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        if not self.blob(digest).exists():
            write_atomic(self.blob(digest), raw)
        return digest

    def read(self, digest: str) -> bytes | None:
        """A small blob, held against its digest; None where it is not here whole."""
        try:
            raw = self.blob(digest).read_bytes()
        except OSError:
            return None
        return raw if f"sha256:{hashlib.sha256(raw).hexdigest()}" == digest else None

    def note(self, fetched: FetchedImage) -> None:
        """Remember an image."""
        write_json(self.root / "fetched" / f"{fetched.digest.removeprefix('sha256:')[:32]}.json", fetched)

    def fetched(self) -> Iterator[FetchedImage]:
        """All that were fetched, the newest first; a note that cannot be read is left out."""
        found = []
        for path in (self.root / "fetched").glob("*.json"):
            try:
                found.append(FetchedImage.model_validate_json(path.read_bytes()))
            except (OSError, ValidationError):
                continue
        yield from sorted(found, key=lambda each: each.fetched_at, reverse=True)

    def find(self, digest: str) -> FetchedImage | None:
        """The image of a digest: its own, or that of the list that it was chosen from."""
        return next((each for each in self.fetched() if digest in (each.digest, each.index_digest)), None)

    def drop(self, digests: tuple[str, ...]) -> int:
        """Remove blobs that no sealed image needs; the bytes that became free."""
        needed = self.needed()
        freed = 0
        for digest in digests:
            path = self.blob(digest)
            if digest not in needed and path.is_file():
                freed += path.stat().st_size
                path.unlink()
        return freed

    def needed(self) -> frozenset[str]:
        """Digests of blobs that a kept archive of a sealed image is made of."""
        found: set[str] = set()
        for path in (self.root / "sealed").glob("*.json"):
            try:
                content: dict[str, Any] = json.loads(path.read_bytes())
                found.update(map(str, content.get("blobs") or ()))
            except (OSError, ValueError, AttributeError):
                continue
        return frozenset(found)
