"""Files that grow while they are read: each look takes what is new."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from onbox.untrusted_json import UntrustedJsonError, parse

LOOK_BYTES_MAX = 16_000_000
"""In one look; the rest is taken at the next."""


class JsonTail:
    """The new whole lines of a file of JSON lines.

    Args:
        path: it may not be there yet, and may be replaced by another of the same name.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self._inode: int | None = None
        self.began_anew = False
        """Whether the last look found another file than the one before."""

    def new(self) -> Iterator[dict[str, Any]]:
        """The objects that came since the last look; a line that is none is passed over."""
        self.began_anew = False
        for line in self._lines():
            try:
                found = parse(line, any_integer=True)
            except UntrustedJsonError:
                continue
            if isinstance(found, dict):
                yield found

    def _lines(self) -> list[bytes]:
        try:
            with self._path.open("rb") as file:
                found = os.fstat(file.fileno())
                if found.st_ino != self._inode or found.st_size < self._at:
                    self.began_anew, self._inode, self._at = self._inode is not None, found.st_ino, 0
                file.seek(self._at)
                data: bytes = file.read(LOOK_BYTES_MAX)
        except OSError:
            return []
        end = data.rfind(b"\n") + 1
        if not end and len(data) == LOOK_BYTES_MAX:
            end = len(data)  # no line is so long: what is skipped is no record
        self._at += end
        return data[:end].split(b"\n")[:-1] if end else []
