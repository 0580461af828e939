"""What is installed in another Python environment, seen from its files: asking it would take seconds."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from onbox.errors import BoxError

_ELSEWHERE: ContextVar[list[str] | None] = ContextVar("elsewhere", default=None)


@contextmanager
def for_another_box() -> Iterator[list[str]]:
    """A command is only written: programs that are not on this box are named as they are, and listed here."""
    absent: list[str] = []
    token = _ELSEWHERE.set(absent)
    try:
        yield absent
    finally:
        _ELSEWHERE.reset(token)


def absent_here(program: str) -> bool:
    """Whether a program that is not here may be named all the same; it is noted."""
    absent = _ELSEWHERE.get()
    if absent is not None:
        absent.append(program)
    return absent is not None


def program_here(program: str, engine: str, hint: str) -> str:
    """The program's path.

    Raises:
        BoxError: it is not on this box, and the command is not for another one.
    """
    found = shutil.which(program)
    if found is None and not absent_here(program):
        raise BoxError(f"engine {engine}: {program}: not on this box", hint)
    return found or program


def version_in_environment(program: str, package: str) -> str | None:
    """The version of `package` in the environment whose `bin` folder holds `program`; None where that is not one."""
    root = Path(program).absolute().parent.parent
    pattern = re.compile(rf"{re.escape(package)}-(?P<version>\d[^-]*)\.dist-info", re.IGNORECASE)
    found = (pattern.fullmatch(path.name) for path in root.glob("lib/python3*/site-packages/*.dist-info"))
    return next((match["version"] for match in found if match), None)
