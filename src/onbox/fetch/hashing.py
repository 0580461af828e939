"""The hash by which a file is known."""

import hashlib
from pathlib import Path

HASH_BLOCK_BYTES = 4 * 2**20


def sha256_of(path: Path) -> str:
    """The sha256 of a file as hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
