"""Who was born since the look before, told by the last process number that the kernel gave away.

Numbers are given away in a row, so whatever was born since has one between the last number then and the last number
now: no walk through all of `/proc` is needed, and none at all where nothing was born. Standard library only, for the
supervisor of an engine uses it too.
"""

import os

MANY = 64
"""With more numbers than this a walk is cheaper than to try each of them."""


class NewPids:
    """The numbers that processes and threads were given since the last call."""

    def __init__(self) -> None:
        try:
            self._load: int | None = os.open("/proc/loadavg", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._load = None
        self._from = self._up_to = self._last()

    def numbers(self) -> range | None:
        """Who may be new: also threads, and what is gone again; None: nobody can tell, so that only a walk helps.

        Those of the call before are among them: a number is given away a moment before `/proc` shows its process.
        """
        last = self._last()
        known = 0 < self._from <= last and last - self._from <= MANY
        found = range(self._from + 1, last + 1) if known else None
        self._from, self._up_to = self._up_to, last
        return found

    def close(self) -> None:
        if self._load is not None:
            os.close(self._load)
            self._load = None

    def _last(self) -> int:
        """The last number given away; 0 where the kernel does not tell."""
        if self._load is None:
            return 0
        try:
            return int(os.pread(self._load, 128, 0).rpartition(b" ")[2])
        except (OSError, ValueError):
            return 0


def is_process(number: int) -> bool:
    """Whether a number is a process's: `/proc` answers for a thread's too, though it does not list it."""
    try:
        status = os.open(f"/proc/{number}/status", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        text = os.read(status, 512)
        at = text.index(b"\nTgid:")
        return int(text[at + 6 : text.index(b"\n", at + 1)]) == number
    except (OSError, ValueError):
        return False
    finally:
        os.close(status)
