"""Ends what the runs of other threads are busy with: for them what Ctrl-C is for the first thread.

Python raises KeyboardInterrupt in the first thread only. So a thread that carries out runs keeps a `Halt`, and whatever
waits for a sandboxed command there (`attend`) watches it too: once it is shown the command is killed with all that it
started, and `Halted` is raised. Like KeyboardInterrupt it is no `Exception`: nothing takes it for a fault of the run.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from onbox.bench.sandbox import StopSign

_kept = threading.local()


class RunHalted(BaseException):
    """The run is given up; it leaves no record."""


class Halt(StopSign):
    """A stop sign for all runs of all threads that keep it."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = False

    def show(self) -> None:
        """The runs end soon; each thread gets `Halted`."""
        self.shown = True
        super().show()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """What this thread does in the body ends when the sign is shown."""
        _kept.halt = self
        try:
            yield
        finally:
            _kept.halt = None


def current() -> Halt | None:
    """The sign that this thread keeps; None in a thread that KeyboardInterrupt reaches."""
    halt: Halt | None = getattr(_kept, "halt", None)
    return halt


def check() -> None:
    """Go on, unless the sign that this thread keeps was shown: for work that waits for no sandboxed command.

    Raises:
        RunHalted: it was.
    """
    halt = current()
    if halt is not None and halt.shown:
        raise RunHalted
