"""Ends what bubblewrap left when onbox itself was killed: a process of its own, `sweeper.py MARK`.

bubblewrap dies with its parent only from the moment on when it has asked the kernel for that. When onbox is killed in
the first millisecond of a command, the first process of the sandbox waits for ever for one that is dead, or the command
runs on with nobody to end it. So every bubblewrap carries MARK in its environment, which its first process keeps, and
this process holds the reading end of a pipe whose other end only onbox has: it closes however onbox dies. Then whoever
carries the mark is killed, again and again until nobody is left, for one may just be about to start. A byte on the pipe
before its end means that onbox ends in order and nothing is left.
"""

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

VARIABLE = "ONBOX_SANDBOX_OF"
QUIET_S = 0.5
"""So long nobody with the mark must be seen."""
LOOK_EVERY_S = 0.02
ORDERLY_S = 2.0


class Sweeper:
    """One for all sandboxes of this process; started when the first of them is."""

    def __init__(self) -> None:
        self.mark = f"{os.getpid()}-{uuid.uuid4().hex}"
        self._starting = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def environment(self) -> dict[str, str]:
        """All that a bubblewrap gets to know: the mark. A command can read it at /proc/1/environ.

        After this whoever carries the mark does not outlive this process.
        """
        with self._starting:
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", __file__, self.mark],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                    env={},
                )
                atexit.register(_end, self._process)
        return {VARIABLE: self.mark}


def _end(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    with suppress(OSError, subprocess.TimeoutExpired):
        process.stdin.write(b"x")
        process.stdin.close()
        process.wait(ORDERLY_S)


def main(mark: str) -> None:
    """Wait for the end of onbox, then sweep."""
    if os.read(0, 1):
        return
    entry = f"{VARIABLE}={mark}".encode()
    seen_s = time.monotonic()
    while time.monotonic() < seen_s + QUIET_S:
        for pid in marked(entry):
            seen_s = time.monotonic()
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(LOOK_EVERY_S)


def marked(entry: bytes) -> Iterator[int]:
    """The living processes that started with this entry in their environment."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if entry in path.read_bytes().split(b"\0"):
                yield int(path.parent.name)


if __name__ == "__main__":
    main(sys.argv[1])
