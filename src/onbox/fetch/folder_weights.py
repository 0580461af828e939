"""Weights that are many files: a folder here, or a repository of the hub."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from onbox.evidence.records import WeightsFile
from onbox.fetch.growth import watched
from onbox.fetch.hashing import sha256_of
from onbox.fetch.repository import fetch_repository
from onbox.fetch.verified_folder import verify_folder
from onbox.recipes.weights import Repository


def local_folder(folder: Path) -> tuple[Path, WeightsFile]:
    """The folder and its record.

    Raises:
        UsageError: it holds no whole model.
    """
    verify_folder(folder)
    return folder, _record(folder, "path")


def bring_repository(
    repository: Repository, cache: Path, on_progress: Callable[[int, int, str], None]
) -> tuple[Path, WeightsFile]:
    """Fetch what an engine reads of a repository; what is here whole is not fetched again.

    Raises:
        UsageError, BoxError, FetchError: as `fetch_repository`.
    """
    folder = folder_of(repository, cache)
    folder.mkdir(parents=True, exist_ok=True)
    with watched(folder, lambda here: on_progress(here, max(here, repository.bytes), "hub")):
        fetched = fetch_repository(repository.source, folder, tell=lambda line: None)
    record = _record(fetched.model, "hub")
    if fetched.bytes_fetched:
        return fetched.model, record
    return fetched.model, record.model_copy(update={"source": "cache", "first_source": "hub"})


def folder_of(repository: Repository, cache: Path) -> Path:
    """Where a repository is kept."""
    name = repository.repo.replace("/", "--") + (f"@{repository.revision}" if repository.revision else "")
    return cache / "repositories" / name.replace("/", "-")


def _record(model: Path, source: str) -> WeightsFile:
    """A folder is known by the hash of its files' hashes: what `sha256sum * | sha256sum` prints in it."""
    if model.is_file():
        return WeightsFile(file=model.name, bytes=model.stat().st_size, sha256=sha256_of(model), source=source)
    files = sorted(path for path in model.iterdir() if path.is_file() and not path.name.startswith("."))
    lines = "".join(f"{sha256_of(path)}  {path.name}\n" for path in files)
    size = sum(path.stat().st_size for path in files)
    digest = hashlib.sha256(lines.encode()).hexdigest()
    return WeightsFile(file=model.name, bytes=size, sha256=digest, source=source)
