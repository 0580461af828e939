"""Weights that are many files: a folder here, or a repository of the hub."""

from collections.abc import Callable
from pathlib import Path

from onbox.evidence.records import WeightsFile
from onbox.fetch.growth import watched
from onbox.fetch.hashing import folder_hash, hashes_of
from onbox.fetch.hub_repository import fetch_repository
from onbox.fetch.verified_folder import verify_folder
from onbox.schema.recipe.weights import Repository

OnProgress = Callable[[int, int, str], None]
"""Called with (bytes done, bytes in all, source)."""
HASHING = "hashing"
"""The source that is told while files are hashed that are here already."""


def local(
    path: Path, on_progress: OnProgress = lambda done, total, source: None, *, full_check: bool | None = None
) -> tuple[Path, WeightsFile]:
    """A file or folder that is here, and its record.

    Raises:
        UsageError: it holds no whole model.
    """
    if path.is_dir():
        verify_folder(path)
    return path, _record(path, "path", on_progress, full_check)


def record(path: Path, on_progress: OnProgress, full_check: bool | None) -> WeightsFile:
    """The record of a file or a folder of any kind that is here."""
    return _record(path, "path", on_progress, full_check)


def bring_repository(
    repository: Repository, cache: Path, on_progress: OnProgress, *, full_check: bool | None = None
) -> tuple[Path, WeightsFile]:
    """Fetch what an engine reads of a repository; what is here whole is not fetched again.

    Raises:
        UsageError, BoxError, FetchError: as `fetch_repository`.
    """
    folder = folder_of(repository, cache)
    folder.mkdir(parents=True, exist_ok=True)
    arriving = True

    def arrived(here: int) -> None:
        if arriving:
            on_progress(here, max(here, repository.bytes), "hub")

    def hashed(done: int, total: int) -> None:
        nonlocal arriving
        arriving = False
        on_progress(done, total, HASHING)

    with watched(folder, arrived):
        fetched = fetch_repository(
            repository.source,
            folder,
            tell=lambda line: None,
            full_check=full_check,
            on_hashed=hashed,
        )
    # What the repository pins was checked a moment ago.
    record = _record(fetched.model, "hub", on_progress, full_check=False)
    if fetched.bytes_fetched:
        return fetched.model, record
    return fetched.model, record.model_copy(update={"source": "cache", "first_source": "hub"})


def folder_of(repository: Repository, cache: Path) -> Path:
    """Where a repository is kept."""
    return repository.folder(cache)


def _record(model: Path, source: str, on_progress: OnProgress, full_check: bool | None) -> WeightsFile:
    """A folder is known by the hash of its files' hashes."""
    files = [model]
    if not model.is_file():
        files = sorted(path for path in model.iterdir() if path.is_file() and not path.name.startswith("."))
    hashes = hashes_of(files, full_check=full_check, on_bytes=lambda done, total: on_progress(done, total, HASHING))
    digest = hashes[0] if model.is_file() else folder_hash((path.name for path in files), hashes)
    size = sum(path.stat().st_size for path in files)
    return WeightsFile(file=model.name, bytes=size, sha256=digest, source=source)
