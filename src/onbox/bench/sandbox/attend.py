"""Stay with a running command: feed it, read what it says, end it in time."""

import os
import selectors
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import IO

from onbox.bench.sandbox import CommandSpec, StopSign
from onbox.bench.sandbox.disk_watch import LOOK_EVERY_S, DiskWatch
from onbox.bench.sandbox.halt import RunHalted, current
from onbox.errors import BoxError

DEATH_PATIENCE_S = 10.0
"""How long a killed tree may take to be gone."""
_DRAIN_S = 0.1
_CHUNK_BYTES = 65_536


def pipe(stack: ExitStack) -> tuple[IO[bytes], IO[bytes]]:
    """The reading and the writing end of a pipe; both are closed with `stack`, if not before."""
    read, write = os.pipe()
    return stack.enter_context(open(read, "rb")), stack.enter_context(open(write, "wb", buffering=0))


def end_with(stack: ExitStack, process: subprocess.Popen[bytes]) -> None:
    """Kill and reap `process` when `stack` closes; nothing happens to one that was reaped before."""

    def reap() -> None:
        process.kill()
        with suppress(subprocess.TimeoutExpired):
            process.wait(DEATH_PATIENCE_S)

    stack.callback(reap)


def open_pidfd(stack: ExitStack, pid: int) -> int:
    """A descriptor that becomes readable when `pid` is dead; closed with `stack`."""
    fd = os.pidfd_open(pid)
    stack.callback(os.close, fd)
    return fd


@dataclass(frozen=True)
class CommandOutput:
    """What was heard from a command."""

    output: bytes
    truncated: bool
    timed_out: bool
    """It was killed: at its time limit, by a stop sign, or for what it wrote."""
    seconds: float
    over_disk: bool = False
    """It had more on the disk than it may."""


def attend(
    process: subprocess.Popen[bytes],
    spec: CommandSpec,
    *,
    tree_fd: int,
    kill: Callable[[], None],
    disk: DiskWatch | None = None,
) -> CommandOutput:
    """Feed and read `process` until `tree_fd` is readable, at most for the time that it has; then kill what is left.

    Args:
        process: started with pipes for standard input and output.
        spec: what it reads, its time, and what of its output is kept: more is read and thrown away, so that it never
            blocks on it.
        tree_fd: a pidfd that becomes readable when all that counts is dead.
        kill: ends the whole tree; called once or more, also after a normal end, and on any exception.
        disk: looks at what it writes, and ends it beyond its bound.

    Raises:
        BoxError: the tree outlived its killing by ten seconds.
        Halted: the sign that this thread keeps was shown; the tree is dead.
    """
    started = time.monotonic()
    deadline = started + spec.timeout_s
    timed_out = False
    halt = current()
    over_disk = False
    signs = [sign for sign in (spec.stop, halt) if sign is not None]
    with _Pipes(process, spec.stdin, spec.output_limit_bytes) as pipes:
        try:
            while not pipes.pump_until(tree_fd, deadline, [] if timed_out else signs, None if timed_out else disk):
                if timed_out:
                    raise BoxError("a sandboxed command outlived its killing", f"look at process {process.pid}")
                timed_out, over_disk = True, pipes.over_disk
                kill()
                deadline = time.monotonic() + DEATH_PATIENCE_S
        finally:
            kill()
        seconds = time.monotonic() - started
        if halt is not None and halt.shown:
            raise RunHalted
        pipes.drain()
        return CommandOutput(bytes(pipes.output), pipes.truncated, timed_out, seconds, over_disk)


class _Pipes:
    """Both pipes of a process, without ever blocking on one of them."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: bytes, limit_bytes: int) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.output = bytearray()
        self.truncated = False
        self.over_disk = False
        """Whether the last look at the disk ended the waiting."""
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._unsent = memoryview(stdin)
        self._limit_bytes = limit_bytes
        self._selector = selectors.DefaultSelector()
        for pipe, event in ((self._stdin, selectors.EVENT_WRITE), (self._stdout, selectors.EVENT_READ)):
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, event)

    def __enter__(self) -> "_Pipes":
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for pipe in (self._stdin, self._stdout):
            with suppress(OSError):
                pipe.close()

    def pump_until(self, tree_fd: int, deadline: float, signs: Sequence[StopSign], disk: DiskWatch | None) -> bool:
        """Move bytes until `tree_fd` is readable (True), or a sign is shown, too much is written or `deadline` has come
        (False)."""
        look_at = time.monotonic()
        watched = [tree_fd, *(sign.fileno() for sign in signs)]
        for fd in watched:
            self._selector.register(fd, selectors.EVENT_READ)
        try:
            while (left_s := deadline - time.monotonic()) > 0:
                if disk is not None:
                    if (look_in_s := look_at - time.monotonic()) <= 0:
                        if disk.is_over():
                            self.over_disk = True
                            return False
                        look_at, look_in_s = time.monotonic() + LOOK_EVERY_S, LOOK_EVERY_S
                    left_s = min(left_s, look_in_s)
                ready = [key.fileobj for key, _ in self._selector.select(left_s)]
                self._move(ready)
                if over := [fd for fd in watched if fd in ready]:
                    return over[0] == tree_fd
            return False
        finally:
            for fd in watched:
                self._selector.unregister(fd)

    def drain(self) -> None:
        """Read what the dead left in the pipe; a survivor that holds it open is not waited for."""
        until = time.monotonic() + _DRAIN_S
        while self._stdout in self._open() and (left_s := until - time.monotonic()) > 0:
            self._move([key.fileobj for key, _ in self._selector.select(left_s)])

    def _open(self) -> Sequence[object]:
        return [key.fileobj for key in self._selector.get_map().values()]

    def _move(self, ready: Sequence[object]) -> None:
        if self._stdin in ready:
            self._send()
        if self._stdout in ready:
            self._receive()

    def _send(self) -> None:
        try:
            sent = os.write(self._stdin.fileno(), self._unsent[:_CHUNK_BYTES]) if self._unsent else 0
        except BlockingIOError:
            return
        except BrokenPipeError:
            sent = len(self._unsent)
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self._selector.unregister(self._stdin)
            self._stdin.close()

    def _receive(self) -> None:
        chunk = os.read(self._stdout.fileno(), _CHUNK_BYTES)
        if not chunk:
            self._selector.unregister(self._stdout)
            return
        room = self._limit_bytes - len(self.output)
        self.output += chunk[: max(room, 0)]
        self.truncated = self.truncated or len(chunk) > room
