"""Keeps one engine: stamps its log, and sees to it that it never outlives onbox.

Run as a script with the standard library only, so that it starts in milliseconds and costs little memory:

    python -I -S keeper.py LOG -- COMMAND [ARGUMENT ...]

Its standard input is a lifeline. "stop" on it, or its end (which is what kill -9 of onbox leaves), ends the engine's
process group: TERM, then KILL after the grace. If the keeper itself is killed, the kernel kills the engine. On standard
output it says, as JSON lines, the engine's pid and how the engine ended.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import IO, Any

KEEPER = __file__
"""The script itself, for whoever starts it."""

GRACE_S = 8.0
REST_S = 1.0
SETTLE_S = 3.0
PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Start the command and stay until it is dead; the exit code is 0 whenever the end was reported."""
    log_path, command = arguments[0], arguments[2:]
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def die_with_keeper() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

    started = time.monotonic()
    with open(log_path, "ab", buffering=0) as log:
        try:
            engine = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_keeper,
            )
        except OSError as error:
            say(error=f"{command[0]}: {error.strerror}")
            return 0
        say(pid=engine.pid)
        how = watch(engine, LineStamper(log, started))
        say(exit=engine.returncode, how=how)
    return 0


def watch(engine: "subprocess.Popen[bytes]", log: "LineStamper") -> str:
    """Copy the log until the engine is dead; return `died`, `asked` or `killed`."""
    assert engine.stdout is not None
    output, lifeline = engine.stdout.fileno(), sys.stdin.fileno()
    watched, how, deadline = [output, lifeline], "died", float("inf")
    while engine.poll() is None:
        readable, _, _ = select.select(watched, [], [], 0.1)
        if output in readable:
            data = os.read(output, 65_536)
            if data:
                log.write(data)
            else:
                watched.remove(output)
        if lifeline in readable:
            os.read(lifeline, 1024)
            watched.remove(lifeline)
            if engine.poll() is None:
                how, deadline = "asked", time.monotonic() + GRACE_S
                signal_group(engine.pid, signal.SIGTERM)
        if time.monotonic() > deadline:
            how, deadline = "killed", float("inf")
            signal_group(engine.pid, signal.SIGKILL)
    settle(engine.pid)
    if output in watched:
        copy_rest(output, log)
    log.end()
    return how


def settle(group: int) -> None:
    """Let what the engine leaves behind end by itself, then kill it, and return when nothing of the group runs.

    Python's resource tracker outlives its engine by a moment, in which it removes shared memory that nobody else would.
    """
    for last_resort in (False, True):
        if last_resort:
            signal_group(group, signal.SIGKILL)
        deadline = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline:
            try:
                os.killpg(group, 0)
            except (ProcessLookupError, PermissionError):
                return
            time.sleep(0.02)


def copy_rest(output: int, log: "LineStamper") -> None:
    """Copy what is left in the pipe; a grandchild in a session of its own may hold it open, and talk, for ever."""
    deadline = time.monotonic() + REST_S
    while time.monotonic() < deadline and select.select([output], [], [], 0)[0] and (data := os.read(output, 65_536)):
        log.write(data)


class LineStamper:
    """Writes a log with each line's wall clock and seconds since the start before it."""

    def __init__(self, log: IO[bytes], started: float) -> None:
        self._log = log
        self._started = started
        self._pending = b""

    def write(self, data: bytes) -> None:
        *lines, self._pending = (self._pending + data).split(b"\n")
        now = time.time()
        wall = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
        stamp = f"{wall} +{time.monotonic() - self._started:9.3f} ".encode()
        if lines:
            self._log.write(b"".join(stamp + line.rstrip(b"\r") + b"\n" for line in lines))

    def end(self) -> None:
        if self._pending:
            self.write(b"\n")


def signal_group(pid: int, number: int) -> None:
    """Signal the whole process group of the engine; it may be gone already."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def say(**fact: Any) -> None:
    """Tell onbox, which may be gone."""
    with contextlib.suppress(OSError):
        print(json.dumps(fact), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(main(sys.argv[1:]))
