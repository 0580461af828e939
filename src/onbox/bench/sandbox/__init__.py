"""Where an agent's commands and the gates run: no network, no view of the host, nothing left behind.

One tier is one module with one class behind the protocol `Sandbox`; `choose.choose` takes the best one that works
here, and `probes.probe` puts questions to it.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

MEMORY_BYTES = 16 << 30
"""Address space of one process: generous, because runtimes such as node reserve far more than they use."""


@dataclass(frozen=True)
class Bounds:
    """What a tier holds a command to beside its time; None where it bounds nothing.

    Args:
        memory_bytes: address space of each process, or memory of all processes of a command together.
        memory_of: `process` or `command`; empty without a bound.
        processes: at a time.
    """

    memory_bytes: int | None = None
    memory_of: Literal["", "process", "command"] = ""
    processes: int | None = None


@dataclass(frozen=True)
class Bind:
    """A host folder that a sandboxed command may see.

    Args:
        path: the folder on the host.
        target: where the command should find it (`/app`); a tier that cannot remap paths leaves it at `path`.
        writable: whether the command may change it.
    """

    path: Path
    target: str
    writable: bool = False


@dataclass(frozen=True)
class ReachableServer:
    """The one server of the box that a command may reach, at 127.0.0.1:`port`.

    Args:
        port: TCP port of loopback, the same inside and outside.
        socket: a Unix socket of the same server, for a tier that gives a command a network of its own; its folder
            holds nothing else.
    """

    port: int
    socket: Path


class StopSign:
    """Ends a running command from another thread; a context manager."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def __enter__(self) -> "StopSign":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nobody watches it any more."""
        os.close(self._fd)

    def show(self) -> None:
        """The command, and all that it started, is killed soon."""
        os.eventfd_write(self._fd, 1)

    def fileno(self) -> int:
        """A descriptor that is readable once the sign was shown."""
        return self._fd


@dataclass(frozen=True)
class CommandSpec:
    """A command, and what it may see, use and take.

    Args:
        argv: the command; its first word is looked up inside the sandbox, where `python3` and `python` are the
            interpreter that onbox was installed with, without onbox's own packages.
        binds: folders by the name of the environment variable that tells the command where each one is:
            `{"APP_DIR": Bind(workspace, "/app", writable=True)}` sets APP_DIR to `/app`, or to the host path in a
            tier that cannot remap.
        cwd: the name, in `binds`, of the folder that the command starts in.
        timeout_s: then the whole tree is killed and `exit_code` is None.
        env: further variables over PATH, HOME, TMPDIR, LANG and USER; nothing is inherited from onbox's own
            environment. Scratch files belong in TMPDIR.
        stdin: what the command reads.
        output_limit_bytes: output beyond it is read and thrown away.
        reach: the one server that the command may talk to; None for no network at all.
        stop: the command is killed as at its time limit when this is shown.
        memory_bytes: address space of one process; a tier that bounds all processes together allows them twice
            that, or less where its own bound is lower.
        network: the command has the box's own network, its loopback included, and resolves names as the box does:
            only for what the user let in by name.
    """

    argv: Sequence[str]
    binds: Mapping[str, Bind]
    cwd: str
    timeout_s: float
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""
    output_limit_bytes: int = 65_536
    reach: ReachableServer | None = None
    stop: StopSign | None = None
    memory_bytes: int = MEMORY_BYTES
    network: bool = False


@dataclass(frozen=True)
class CommandResult:
    """What became of a sandboxed command: its whole process tree is dead by the time this exists."""

    exit_code: int | None
    """None: it was killed, at its time limit, by a stop sign or for what it wrote. 127: no such command. 126: cannot be
    run. 128 + n: died of signal n."""
    output: bytes
    """Standard output and error as they came, cut to the limit."""
    truncated: bool
    seconds: float
    out_of_memory: bool = False
    """A process of it was killed because the command held more memory than the tier allows it."""
    over_disk: bool = False
    """It was killed because it, or those before it in the same folders, had more on the disk than a run may."""


class Sandbox(Protocol):
    """One way to run a command that must not touch the box."""

    name: str
    """`bubblewrap`, `sandlock`, `docker`, `podman` or `none`."""
    version: str
    bounds: Bounds
    """Of a command that is told no others."""

    def place(self, bind: Bind) -> str:
        """Where a command finds a bind."""
        ...

    def run(self, spec: CommandSpec) -> CommandResult:
        """Run a command and wait until it and all it started are dead.

        Raises:
            BoxError: the sandbox itself could not start; never for what the command does.
        """
        ...
