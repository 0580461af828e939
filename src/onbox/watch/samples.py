"""What was seen at one moment. A list of these is a recording; nothing else is needed to classify.

The rows are named tuples: slim, quick, and in JSON plain lists in the order of their fields. Counters count since the
watch began. None is what could not be read, or was not looked at in this tick.
"""

from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

NO_DAEMON = "the daemon that does the work: not found on this box"
"""What cannot be read, where a client leaves its work to somebody who is not to be seen."""


class Process(NamedTuple):
    """One member of the set that works for the stand-up, its reaped children included."""

    pid: int
    name: str
    role: str
    """`own` (started by, or named to, the watch), `daemon` (dockerd, containerd) or `container`."""
    state: str
    """As the kernel says it: R runs, S sleeps, D waits for a disk, T is stopped, Z is dead and not reaped."""
    cpu_s: float
    faults: int
    """Minor and major page faults."""
    threads: int
    rss_bytes: int
    read_bytes: int | None
    """From the disk."""
    write_bytes: int | None
    """To the page cache, charged when a page gets dirty."""
    chars: int | None
    """Bytes through read and write calls, of any file, pipe or terminal."""
    calls: int | None
    """Read and write calls."""

    @property
    def ended(self) -> bool:
        """Whether it runs no more. A dead first thread is not all of it: others may run on, or be dying, and until
        the last is gone nobody can collect the exit code."""
        return self.state == "Z" and self.threads <= 1


class Threads(NamedTuple):
    """One look at every thread of the set."""

    total: int
    running: int
    waiting: int
    """In uninterruptible sleep, mostly for a disk."""
    switches: int
    """Voluntary and involuntary context switches so far, of the threads that live now."""
    place: str
    """Where in the kernel most of those that sleep do so; empty where that cannot be read."""


class Socket(NamedTuple):
    """A TCP connection out of the set; connections within it, and those that others opened to it, are left out."""

    inode: int
    received_bytes: int
    quiet_s: float
    """Since the last byte came."""


class ControlGroup(NamedTuple):
    """The control group of a container, or of a step of a build."""

    name: str
    cpu_s: float
    read_bytes: int | None
    write_bytes: int | None
    memory_bytes: int | None
    throttled_s: float | None
    """For how long its processor quota made it wait."""


class Machine(NamedTuple):
    """The whole box. Stalls are seconds since boot in which tasks stood still for want of a resource."""

    available_bytes: int
    total_bytes: int
    cpu_some_s: float | None
    io_full_s: float | None
    memory_full_s: float | None
    disk_read_bytes: int
    disk_written_bytes: int


class Gpu(NamedTuple):
    """An accelerator. Its utilisation is left out on purpose: it says that a kernel is resident, not that it works."""

    number: int
    power_w: float | None
    clock_mhz: float | None
    held_bytes: int | None
    """Memory that processes of the set hold there."""


class OpenFile(NamedTuple):
    """A regular file that a member of the set reads or writes from front to end."""

    name: str
    at_bytes: int
    of_bytes: int


class CacheSize(NamedTuple):
    """What lies in the folders that grow while an engine compiles or downloads."""

    bytes: int
    entries: int


class TokenCounts(NamedTuple):
    """The engine's own counters."""

    running: float
    waiting: float
    done: float
    """Prompt and generated tokens."""


@dataclass(slots=True, kw_only=True)
class WatchSample:
    """One tick. A field that is None was not looked at in this tick: the last look still holds."""

    t_ns: int
    """Since the watch began, on a monotonic clock."""
    processes: tuple[Process, ...] | None = None
    births: int | None = None
    """Processes that joined the set so far."""
    threads: Threads | None = None
    sockets: tuple[Socket, ...] | None = None
    groups: tuple[ControlGroup, ...] | None = None
    machine: Machine | None = None
    gpus: tuple[Gpu, ...] | None = None
    files: tuple[OpenFile, ...] | None = None
    cache: CacheSize | None = None
    tokens: TokenCounts | None = None
    log: tuple[str, ...] = ()
    """Lines that came since the last tick."""
    log_bytes: int | None = None
    """How much was said so far; None: no log is followed."""
    phase: str | None = None
    """The phase by something better than the log: the command, an endpoint that answers."""
    compiling: str | None = None
    """The source file that compilers among the processes work on, told when it changes; empty: none that is known."""
    ptx_compiler: bool = False
    """The driver's compiler of PTX is loaded in a process of the set; looked for while processor time alone moves."""
    stacks: str | None = None
    """Where the Python threads of the set are, as py-spy says; taken only when it looks like a hang."""
    ended: bool = False
    """Everything that was watched is gone."""
    exit_code: int | None = None
    cannot: tuple[str, ...] | None = None
    """What this watcher may not read, in words."""

    @property
    def silent(self) -> bool:
        """Whether it tells no more than that time went by: nothing was due, and the log said nothing."""
        return (
            not self.log
            and self.processes is None
            and self.machine is None
            and self.sockets is None
            and self.threads is None
            and self.gpus is None
            and self.cache is None
            and self.tokens is None
            and self.groups is None
            and self.phase is None
            and self.stacks is None
            and not self.ptx_compiler
            and self.compiling is None
            and not self.ended
        )

    def to_json(self) -> dict[str, Any]:
        """The fields that hold something."""
        found = ((each, getattr(self, each)) for each in _FIELDS)
        return {
            name: value for name, value in found if not (value is None or value is False or (name, value) == _SILENT)
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of `to_json`.

        Raises:
            TypeError, ValueError: not a sample.
        """
        values = dict(data)
        for name, row in _ROWS.items():
            if name in values:
                values[name] = tuple(row(*each) for each in values[name])
        for name, single in _SINGLE.items():
            if name in values:
                values[name] = single(*values[name])
        for name in ("log", "cannot"):
            if name in values:
                values[name] = tuple(values[name])
        return cls(**values)


_SILENT = ("log", ())
_FIELDS = tuple(field.name for field in fields(WatchSample))
_ROWS: dict[str, Any] = {
    "processes": Process,
    "sockets": Socket,
    "groups": ControlGroup,
    "gpus": Gpu,
    "files": OpenFile,
}
_SINGLE: dict[str, Any] = {"threads": Threads, "machine": Machine, "cache": CacheSize, "tokens": TokenCounts}
