"""The hash by which a file is known, and those that are known already.

A hash that was made is kept in the user's state, by the file's path, size, modification time and inode: 61 GB take a
minute or two to hash, and a start is not to wait for that each time. A full check hashes whatever is known.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from onbox.atomic_files import write_json
from onbox.user_folders import state_folder

HASH_BLOCK_BYTES = 4 * 2**20
WORKERS = min(8, os.cpu_count() or 1)
"""Files that are hashed side by side; hashlib lets go of the interpreter's lock."""
FRESH_S = 0.05
"""A file younger than this could be written again without getting another time."""
NOTES_MAX = 500
CHECK = "ONBOX_CHECK_WEIGHTS"
"""Variable: anything but nothing or 0 asks for a full check."""

OnBytes = Callable[[int, int], None]
"""Called with (bytes hashed, bytes to hash)."""


def sha256_of(path: Path, on_bytes: Callable[[int], None] = lambda count: None) -> str:
    """The sha256 of a file as hex.

    Args:
        on_bytes: called with the length of each block that was hashed.
    """
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(HASH_BLOCK_BYTES):
            digest.update(block)
            on_bytes(len(block))
    return digest.hexdigest()


def full_check_wanted() -> bool:
    """Whether the environment asks for one."""
    return os.environ.get(CHECK, "0") not in ("", "0")


def hashes_of(
    paths: Sequence[Path], *, full_check: bool | None = None, on_bytes: OnBytes = lambda done, total: None
) -> tuple[str, ...]:
    """The sha256 of each file, taken from what is known where the file is the same as then.

    Args:
        paths: the files; they are hashed side by side.
        full_check: hash all of them; None: what the environment asks for.
        on_bytes: told while files are hashed; not at all when nothing is.
    """
    full_check = full_check_wanted() if full_check is None else full_check
    known = {} if full_check else {path: found for path in paths if (found := _known(path)) is not None}
    todo = [path for path in paths if path not in known]
    if todo:
        known |= dict(zip(todo, _hashed(todo, on_bytes), strict=True))
    return tuple(known[path] for path in paths)


def remember(path: Path, sha256: str) -> None:
    """Keep a hash that was made while the file was written, so that nobody has to read it again for it."""
    _note(path, _settled(path), sha256)


def _hashed(paths: Sequence[Path], on_bytes: OnBytes) -> list[str]:
    total = sum(path.stat().st_size for path in paths)
    done, lock = 0, Lock()

    def count(more: int) -> None:
        nonlocal done
        with lock:
            done += more
            on_bytes(min(done, total), total)

    def one(path: Path) -> str:
        before = _settled(path)
        found = sha256_of(path, count)
        if _identity(path) == before:
            _note(path, before, found)
        return found

    on_bytes(0, total)
    # The largest first: the last one to end is then a small one.
    order = sorted(paths, key=lambda path: -path.stat().st_size)
    with ThreadPoolExecutor(WORKERS, "onbox-hash") as pool:
        found = dict(zip(order, pool.map(one, order), strict=True))
    return [found[path] for path in paths]


def _settled(path: Path) -> dict[str, int]:
    """What a file is known by, once it is old enough that another write shows in its time."""
    age_s = time.time() - path.stat().st_mtime
    if 0 <= age_s < FRESH_S:
        time.sleep(FRESH_S - age_s)
    return _identity(path)


def _identity(path: Path) -> dict[str, int]:
    status = path.stat()
    return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "inode": status.st_ino}


def _known(path: Path) -> str | None:
    """The hash of a file that has not been touched since; None when it is to be hashed."""
    with suppress(OSError, ValueError, AttributeError):
        note: Any = json.loads(_note_path(path).read_text("utf-8"))
        if note.get("path") == str(path.resolve()) and {**note, **_identity(path)} == note:
            return str(note["sha256"])
    return None


def _note(path: Path, identity: dict[str, int], sha256: str) -> None:
    with suppress(OSError):
        write_json(_note_path(path), {"path": str(path.resolve()), **identity, "sha256": sha256})
        _prune(_note_path(path).parent)


def _prune(folder: Path) -> None:
    """Let go of notes whose file is gone, once there are many."""
    notes = list(folder.glob("*.json"))
    for note in notes if len(notes) > NOTES_MAX else ():
        with suppress(OSError, ValueError, KeyError, TypeError):
            if not Path(json.loads(note.read_text("utf-8"))["path"]).exists():
                note.unlink(missing_ok=True)


def _note_path(path: Path) -> Path:
    """One file for each: several onbox may write at a time."""
    name = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:24]
    return state_folder() / "hashes" / f"{name}.json"


def folder_hash(names: Iterable[str], hashes: Iterable[str]) -> str:
    """The hash of a folder by its files' hashes: what `sha256sum * | sha256sum` prints in it."""
    lines = "".join(f"{found}  {name}\n" for name, found in zip(names, hashes, strict=True))
    return hashlib.sha256(lines.encode()).hexdigest()
