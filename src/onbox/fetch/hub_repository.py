"""A model from the Hugging Face hub: only what an engine reads, by the transfer that images come by."""

import time
from collections.abc import Sequence
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

from onbox.errors import FetchError
from onbox.fetch.disk_space import need_room
from onbox.fetch.hashing import OnBytes, hashes_of, remember
from onbox.fetch.http import Client
from onbox.fetch.hub import open_file
from onbox.fetch.meter import Meter
from onbox.fetch.transfer import Blob, Tally, watched_all
from onbox.fetch.verified_folder import FetchedFile, FetchedFolder, SkippedFile, Tell, expect_hash
from onbox.schema.units import byte_rate, gib, seconds, size
from onbox.weights.hub import HubStore, parse_hub_source
from onbox.weights.layout import find_model

WORKERS = 4
SAY_EVERY_S = 5.0
_HEAVY = (".safetensors", ".gguf", ".bin", ".pt", ".pth", ".onnx", ".h5", ".msgpack", ".ot", ".tflite", ".mlmodel")
_MEDIA = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".mp4", ".pdf", ".svg")
_CODE = (".py",)


def fetch_repository(
    source: str,
    folder: Path,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    tell: Tell = print,
    full_check: bool | None = None,
    on_hashed: OnBytes = lambda done, total: None,
) -> FetchedFolder:
    """Fetch the one copy of a model that an engine reads, with its configuration and tokenizer.

    Args:
        source: `hf:org/name[/file][@revision]`.
        folder: where the files go; what is there already, whole, is not fetched again.
        include, exclude: patterns (fnmatch on the path in the repository) that overrule the choice.
        tell: called with lines for people.
        full_check: hash all files again, also those whose hash is known; None: what the environment asks for.
        on_hashed: called with (bytes hashed, bytes to hash).

    Raises:
        UsageError: not a source, no such repository, no model in it.
        BoxError: no network, no room on the disk.
        FetchError: a file was not downloaded completely, or its hash is not the published one.
    """
    there = parse_hub_source(source)
    store = HubStore(there.repository, there.revision)
    wanted, skipped = choose(store, there.file, include, exclude)
    held = {each.rfilename for each in wanted if _is_here(folder, each)}
    missing = sum(each.size or 0 for each in wanted if each.rfilename not in held)
    for each in skipped:
        tell(f"skip {each.name} ({gib(each.bytes)}): {each.why}")
    tell(f"fetch {gib(missing)} in {len(wanted) - len(held)} files to {folder}")
    need_room(folder, missing)
    folder.mkdir(parents=True, exist_ok=True)
    _download(store, there.repository, folder, [each for each in wanted if each.rfilename not in held], tell)
    known = _hashes(folder, wanted, full_check, on_hashed)
    files = tuple(_verified(folder, each, known) for each in wanted)
    model = folder / there.file if there.file else folder
    present = sum(each.size or 0 for each in wanted if each.rfilename in held)
    return FetchedFolder(source, str(folder), model, missing, present, files, tuple(skipped))


def choose(
    store: HubStore, file: str | None, include: Sequence[str] = (), exclude: Sequence[str] = ()
) -> tuple[list[Any], list[SkippedFile]]:
    """Which files of a repository an engine reads, and why not the others."""
    layout = find_model(store, file)
    model = {*layout.files, *([layout.tower] if layout.tower else [])}
    wanted, skipped = [], []
    for each in store.files:
        why = "" if each.rfilename in model else _why_not(each.rfilename)
        if any(fnmatch(each.rfilename, pattern) for pattern in include):
            why = ""
        if any(fnmatch(each.rfilename, pattern) for pattern in exclude):
            why = "left out by --exclude"
        if why:
            skipped.append(SkippedFile(each.rfilename, each.size or 0, why))
        else:
            wanted.append(each)
    return wanted, skipped


def _why_not(name: str) -> str:
    """Why a file that is not the model itself is left out; empty for configuration, tokenizer and template."""
    if "/" in name and name.endswith(_HEAVY):
        return f"another copy, in {name.partition('/')[0]}/"
    if name.endswith(_HEAVY):
        return "not part of the set of files that is loaded"
    if "/" in name and not name.startswith("additional_chat_templates/"):
        return "in a folder that no engine reads"
    if name.endswith(_MEDIA):
        return "a picture or document"
    return "code; it is not run" if name.endswith(_CODE) else ""


def _is_here(folder: Path, each: Any) -> bool:
    path = folder / str(each.rfilename)
    return path.is_file() and path.stat().st_size == each.size


def _download(store: HubStore, repository: str, folder: Path, missing: list[Any], tell: Tell) -> None:
    """By the transfer that images come by: several files at once, each gone on with where it was cut."""
    client, meter, said_s = Client(), Meter(), time.monotonic()

    def look(tally: Tally) -> None:
        nonlocal said_s
        rate, left_s = meter.take(tally.bytes_here, tally.bytes_total)
        if time.monotonic() - said_s >= SAY_EVERY_S:
            said_s = time.monotonic()
            left = f", {seconds(left_s)} left" if left_s is not None else ""
            tell(f"{size(tally.bytes_here)} of {size(tally.bytes_total)}, {byte_rate(rate)}{left}")

    blobs = [
        Blob(
            name=f"{store.label}/{each.rfilename}",
            target=folder / str(each.rfilename),
            open=partial(open_file, client, repository, str(each.rfilename), store.commit, store.endpoint),
            size_bytes=each.size,
            sha256=str(each.lfs.sha256).lower() if each.lfs is not None else "",
        )
        for each in missing
    ]
    try:
        watched_all(blobs, look, workers=WORKERS)
    finally:
        client.close()
    for each in missing:
        if each.lfs is not None:
            # Every byte went through the digest on its way.
            remember(folder / str(each.rfilename), str(each.lfs.sha256).lower())


def _hashes(folder: Path, wanted: list[Any], full_check: bool | None, on_hashed: OnBytes) -> dict[Path, str]:
    """The sha256 of the big files that came whole, hashed side by side."""
    paths = [folder / str(each.rfilename) for each in wanted if each.lfs is not None and _is_here(folder, each)]
    return dict(zip(paths, hashes_of(paths, full_check=full_check, on_bytes=on_hashed), strict=True))


def _verified(folder: Path, each: Any, known: dict[Path, str]) -> FetchedFile:
    path = folder / str(each.rfilename)
    if not _is_here(folder, each):
        raise FetchError(
            f"{path}: was not downloaded completely", "run the same command again: it resumes where it stopped"
        )
    if each.lfs is not None:
        expect_hash(path, "sha256", str(each.lfs.sha256), known=known.get(path))
        return FetchedFile(each.rfilename, each.size, "sha256")
    if each.blob_id:
        expect_hash(path, "git", str(each.blob_id))
        return FetchedFile(each.rfilename, each.size, "git")
    return FetchedFile(each.rfilename, each.size or 0, "")
