"""What broke a run from outside, told by the kind of the error and never by its words."""

import errno
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from onbox.errors import OnboxError
from onbox.evidence.records import FaultKind

TEXT_CHARACTERS = 300
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Fault(NamedTuple):
    """The kind of a fault, and a line for people."""

    kind: FaultKind
    text: str


def fault_of(error: Exception) -> Fault:
    """The fault that an error is, by its own number or that of the error it was raised from."""
    numbers = {cause.errno for cause in _causes(error) if isinstance(cause, OSError)}
    text = f"{type(error).__name__}: {str(error)[:TEXT_CHARACTERS]}"
    if isinstance(error, OnboxError):
        kind, text = FaultKind.SANDBOX, error.message
    elif isinstance(error, OSError):
        kind, text = FaultKind.BOX, str(error)
    else:
        kind, text = FaultKind.HARNESS, f"{text} ({_where(error)})"
    if numbers & _DISK_FULL:
        kind = FaultKind.DISK_FULL
    elif errno.ENOMEM in numbers or any(isinstance(cause, MemoryError) for cause in _causes(error)):
        kind = FaultKind.OUT_OF_MEMORY
    return Fault(kind, f"{kind.value}: {text}".encode("utf-8", "replace").decode())


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__


def _where(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-2:]
    return ", ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
