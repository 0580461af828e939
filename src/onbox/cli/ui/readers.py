"""Who reads the two streams may leave: without a reader of results a command ends, one of progress is not needed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO


class ReaderLeftError(Exception):
    """Who read the results left; click would end with 1, which means something else here."""


@contextmanager
def reader_of_results() -> Iterator[None]:
    """The body writes to stdout and to nothing else.

    Raises:
        ReaderLeftError: nobody reads it any more.
    """
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderLeftError from error


@contextmanager
def reader_of_progress(stream: IO[str]) -> Iterator[None]:
    """The body writes to `stream` and to nothing else; when nobody reads it any more, what it writes is lost."""
    try:
        yield
    except BrokenPipeError:
        to_nowhere(stream)


def to_nowhere(stream: IO[str]) -> None:
    """Let what is written to a stream be lost, also what it still holds."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
