"""Files that a user names: regular, of a size that can be read, and text where text is wanted.

A pipe would be waited for, a device never ends, and a file of gigabytes fills memory before its form is looked at.
"""

import os
import stat
from pathlib import Path

from onbox.errors import UsageError

YAML_BYTES_MAX = 4 << 20
"""Of a recipe, a trial file, claims; the largest has some kilobytes."""
RECORDS_BYTES_MAX = 1 << 30
"""Of a file of results: detailed ones of load generators have hundreds of megabytes."""
_BLOCK_BYTES = 1 << 20
_KINDS = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"),
          (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"))  # fmt: skip


def kind_of_special(mode: int) -> str | None:
    """What a path is, where it is no regular file; None for one."""
    return next((word for test, word in _KINDS if test(mode)), None)


def input_bytes(path: Path, bytes_max: int) -> bytes:
    """The content of a regular file.

    Raises:
        UsageError: there is none, it is no regular file, cannot be read, or is larger than `bytes_max`.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            facts = os.fstat(file.fileno())
            if word := kind_of_special(facts.st_mode):
                raise UsageError(f"{path}: is {word}, no file", "name a file")
            if facts.st_size > bytes_max:
                raise _too_large(path, facts.st_size, bytes_max)
            # A file may grow while it is read, and one of /proc has no size.
            blocks = [file.read(facts.st_size + 1)]
            length = len(blocks[0])
            while length <= bytes_max and (block := file.read(_BLOCK_BYTES)):
                blocks.append(block)
                length += len(block)
            if length > bytes_max:
                raise _too_large(path, length, bytes_max)
            return b"".join(blocks)
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file", "is the path right, and relative to this folder?") from error
    except IsADirectoryError as error:
        raise UsageError(f"{path}: is a folder, no file", "name a file") from error
    except (OSError, ValueError) as error:  # The latter of a zero byte in a name.
        if path.is_socket():
            raise UsageError(f"{path}: is a socket, no file", "name a file") from error
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot be read: {why}", "see that it is a file that you may read") from error


def _too_large(path: Path, length: int, bytes_max: int) -> UsageError:
    return UsageError(f"{path}: {length:,} bytes; at most {bytes_max:,} are read", "is it the file that you meant?")


def input_text(path: Path, bytes_max: int = YAML_BYTES_MAX) -> str:
    """The same as text in UTF-8, without the mark that some editors put in front; each line ends with a line feed.

    Raises:
        UsageError: as `input_bytes`, or it is no text in UTF-8.
    """
    try:
        text = input_bytes(path, bytes_max).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path}: cannot be read: not a text in UTF-8 (byte {error.start})", "is it the file that you meant?"
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
