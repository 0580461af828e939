"""What can go wrong, as a tree that a caller can catch at the level it wants.

Each leaf of the tree carries the exit code of the command line contract. The message is one line that names the
thing and the place; `next_step` says what to do about it.
"""

import importlib.util
import sys
from typing import ClassVar


def install_extra(extra: str) -> str:
    """The line that adds an extra to this very installation, wherever a shell's own `pip` may lead."""
    if importlib.util.find_spec("pip") is None:
        return f"uv pip install --python {sys.executable} 'onbox[{extra}]'"
    return f"{sys.executable} -m pip install 'onbox[{extra}]'"


class OnboxError(Exception):
    """Base of everything that onbox raises on purpose.

    Args:
        message: one line, naming the thing and the place.
        next_step: one line, saying what to do about it; empty when the message says it all.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class BadSubjectError(OnboxError):
    """The thing asked about is bad: a gate fails its audit, evidence was tampered with. Exit code 1."""

    exit_code = 1


class UsageError(OnboxError):
    """The request is wrong: an unknown task, a malformed file, a folder that is not a trial. Exit code 2."""

    exit_code = 2


class BoxError(OnboxError):
    """This box cannot do it: no engine, no sandbox, no disk, no server at that address. Exit code 3."""

    exit_code = 3


class EngineError(BoxError):
    """The engine did not come up, or died; the message quotes its last log lines. Exit code 3."""


class FetchError(BoxError):
    """A file could not be brought here whole and with the expected hash. Exit code 3."""


class GuardStop(OnboxError):
    """The guard stopped our own engine before the box starved. Exit code 4."""

    exit_code = 4


class Interrupted(OnboxError):
    """The user interrupted; evidence is kept. Exit code 130."""

    exit_code = 130
