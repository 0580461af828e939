"""Paths that cannot leave a folder: whatever reads through them never follows a link.

The readers of evidence take a `Path`. One of these in its place makes every reader safe at once: each opening walks
down from the folder, name by name, and a link on the way, a device or a pipe at the end, is refused.
"""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PosixPath
from typing import IO, Any, ClassVar, Self

READING = frozenset({"r", "rb", "rt"})
_WALK = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class InsidePath(PosixPath):
    """A path below a folder; made by `inside`. What lies behind a link is as if it were not there."""

    top: ClassVar[str] = ""

    def open(  # type: ignore[override]
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open for reading.

        Raises:
            OSError: it is not a regular file below the folder, a link is on the way, or it is to be written.
        """
        if mode not in READING:
            raise PermissionError(errno.EPERM, "nothing is written here", str(self))
        descriptor = self._descriptor(_READ)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise PermissionError(errno.EPERM, "not a regular file", str(self))
            return open(descriptor, mode, buffering, encoding, errors, newline)
        except BaseException:
            os.close(descriptor)
            raise

    def read_bytes(self) -> bytes:
        """All of it."""
        with self.open("rb") as file:
            found: bytes = file.read()
        return found

    def read_text(self, encoding: str | None = None, errors: str | None = None, newline: str | None = None) -> str:
        """All of it, as text."""
        with self.open("r", -1, encoding, errors, newline) as file:
            found: str = file.read()
        return found

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Of the thing itself; a link is an error."""
        descriptor = self._descriptor(os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            found = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        if stat.S_ISLNK(found.st_mode):
            raise OSError(errno.ELOOP, "a link, which is not followed", str(self))
        return found

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        return self._mode() is not None

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        mode = self._mode()
        return mode is not None and stat.S_ISREG(mode)

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        mode = self._mode()
        return mode is not None and stat.S_ISDIR(mode)

    def glob(self, pattern: str, **options: Any) -> Iterator[Self]:  # type: ignore[override]
        return (found for found in super().glob(pattern, **options) if found.exists())

    def rglob(self, pattern: str, **options: Any) -> Iterator[Self]:  # type: ignore[override]
        return (found for found in super().rglob(pattern, **options) if found.exists())

    def _mode(self) -> int | None:
        try:
            return self.stat().st_mode
        except (OSError, ValueError):
            return None

    def _descriptor(self, flags: int) -> int:
        parts = self._below()
        where = os.open(self.top, _WALK)
        try:
            for name in parts[:-1]:
                below = os.open(name, _WALK, dir_fd=where)
                os.close(where)
                where = below
            return os.open(parts[-1] if parts else ".", flags, dir_fd=where)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR) and error.filename is not None:
                raise OSError(error.errno, "behind a link, which is not followed", str(self)) from error
            raise
        finally:
            os.close(where)

    def _below(self) -> tuple[str, ...]:
        text = str(self)
        if text == self.top:
            return ()
        parts = tuple(text.removeprefix(self.top.rstrip("/") + "/").split("/"))
        if not text.startswith(self.top.rstrip("/") + "/") or ".." in parts or "" in parts:
            raise PermissionError(errno.EPERM, "outside of the folder", text)
        return parts


def inside(folder: Path) -> InsidePath:
    """The folder, as a path whose readers stay in it; links in the path of the folder itself are the user's own."""
    top = os.path.realpath(folder)
    kind: type[InsidePath] = type("PathInside", (InsidePath,), {"top": top})
    return kind(top)
