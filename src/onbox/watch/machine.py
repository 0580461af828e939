"""The whole box at one moment: memory, stalls, disks; each look is a few reads of files that stay open."""

import os
from contextlib import suppress
from pathlib import Path

from onbox.engines.registry import all_facts
from onbox.watch.samples import CacheSize, Machine

SECTOR_BYTES = 512
CACHE_ENTRIES_MAX = 3000


class MachineReader:
    """Reads memory, pressure and disk counters."""

    def __init__(self) -> None:
        self._memory = os.open("/proc/meminfo", os.O_RDONLY | os.O_CLOEXEC)
        self._disks = _opened("/proc/diskstats")
        self._stalls = {name: _opened(f"/proc/pressure/{name}") for name in ("cpu", "io", "memory")}

    def read(self) -> Machine:
        """The box now."""
        memory = parse_meminfo(os.pread(self._memory, 4096, 0))
        reads, writes = parse_diskstats(_read(self._disks))
        return Machine(
            memory.get("MemAvailable", 0),
            memory.get("MemTotal", 0),
            parse_stall(_read(self._stalls["cpu"]), b"some"),
            parse_stall(_read(self._stalls["io"]), b"full"),
            parse_stall(_read(self._stalls["memory"]), b"full"),
            reads,
            writes,
        )

    def close(self) -> None:
        for descriptor in (self._memory, self._disks, *self._stalls.values()):
            if descriptor is not None:
                os.close(descriptor)


def parse_meminfo(text: bytes) -> dict[str, int]:
    """`MemTotal` and `MemAvailable` in bytes."""
    found = {}
    for name in ("MemTotal", "MemAvailable"):
        at = text.find(b"%s:" % name.encode())
        if at >= 0:
            found[name] = int(text[at + len(name) + 1 : text.index(b"kB", at)]) * 1024
    return found


def parse_stall(text: bytes, kind: bytes) -> float | None:
    """Seconds in which tasks stood still, from `/proc/pressure`; None where the kernel does not tell."""
    at = text.find(kind)
    if at < 0:
        return None
    return int(text[text.index(b"total=", at) + 6 :].split(None, 1)[0]) / 1e6


def parse_diskstats(text: bytes) -> tuple[int, int]:
    """Bytes read and written by whole disks; partitions, loop and memory disks would count twice or never."""
    reads = writes = 0
    for line in text.splitlines():
        field = line.split()
        name = field[2].decode("ascii", "replace")
        if _whole_disk(name):
            reads += int(field[5]) * SECTOR_BYTES
            writes += int(field[9]) * SECTOR_BYTES
    return reads, writes


def _whole_disk(name: str) -> bool:
    if name.startswith(("sd", "vd", "hd", "xvd")):
        return not name[-1].isdigit()
    if name.startswith(("nvme", "mmcblk")):
        return "p" not in name[4:]
    return False


def read_caches(folders: tuple[Path, ...]) -> CacheSize:
    """Bytes and number of files below these folders, of the first few thousand."""
    size = entries = 0
    todo = [os.fspath(folder) for folder in folders]
    while todo and entries < CACHE_ENTRIES_MAX:
        with suppress(OSError), os.scandir(todo.pop()) as found:
            for entry in found:
                entries += 1
                with suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                    else:
                        size += entry.stat(follow_symlinks=False).st_size
    return CacheSize(size, entries)


def cache_folders(home: Path | None = None) -> tuple[Path, ...]:
    """Where engines keep what they compile, and clients what they download, of those that exist."""
    home = home or Path.home()
    known = (
        *(home / ".cache" / name for facts in all_facts() for name in facts.caches),
        home / ".cache" / "flashinfer",
        home / ".cache" / "huggingface",
        home / ".cache" / "onbox",
        home / ".cache" / "torch",
        home / ".triton" / "cache",
        Path("/tmp") / f"torchinductor_{home.name}",
    )
    return tuple(folder for folder in known if folder.is_dir())


def _opened(path: str) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _read(descriptor: int | None) -> bytes:
    try:
        return b"" if descriptor is None else os.pread(descriptor, 16384, 0)
    except OSError:
        return b""
