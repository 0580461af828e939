"""Where weights lie: a folder here or a repository elsewhere, as names with sizes and a reader for each."""

from pathlib import Path
from typing import Protocol

from onbox.errors import UsageError
from onbox.weights.reader import LocalReader, Reader


class Store(Protocol):
    """A place that holds files."""

    @property
    def label(self) -> str:
        """What messages and facts call it."""
        ...

    @property
    def remote(self) -> bool:
        """Whether each read is a request over a network."""
        ...

    def sizes(self) -> dict[str, int]:
        """Bytes by file name."""
        ...

    def reader(self, name: str) -> Reader:
        """A reader of one file."""
        ...


class LocalStore:
    """The files of one folder, without those in folders below it."""

    remote = False

    def __init__(self, folder: Path, label: str | None = None) -> None:
        self._folder = folder
        self.label = label or str(folder)

    def sizes(self) -> dict[str, int]:
        try:
            return {path.name: path.stat().st_size for path in sorted(self._folder.iterdir()) if path.is_file()}
        except OSError as error:
            raise UsageError(
                f"{self._folder}: {error.strerror or error}", "name a folder or file of weights"
            ) from error

    def reader(self, name: str) -> Reader:
        return LocalReader(self._folder / name)
