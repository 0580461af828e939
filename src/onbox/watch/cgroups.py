"""Control groups of containers and build steps, in version 1 and 2 of the interface.

In version 1 each kind of counter has a tree of its own (`cpuacct`, `memory`, `blkio`); in version 2 there is one tree.
The processes of a group are read from `cgroup.procs`, so that those of a container are found whoever their parent is.
"""

from contextlib import suppress
from pathlib import Path

from onbox.watch.samples import ControlGroup

ROOT = Path("/sys/fs/cgroup")
PARENTS_V1 = ("docker", "docker/buildkit", "libpod_parent", "buildkit", "system.slice")
PARENTS_V2 = ("system.slice", "docker", "docker/buildkit", "machine.slice", "buildkit")
PREFIXES_V2 = ("docker-", "libpod-", "buildkit", "cri-containerd-")
"""How container engines under systemd name the scope of a container."""


class Cgroups:
    """The groups that belong to a watch: those named, and those of containers that appear while it runs.

    Args:
        named: groups to watch from the beginning, as paths below the root.
        newcomers: whether groups of containers that appear later count.
        root: where the interface is mounted.
    """

    def __init__(self, named: tuple[str, ...] = (), newcomers: bool = False, root: Path = ROOT) -> None:
        self._root = root
        self._unified = (root / "cgroup.controllers").is_file()
        self._cpu = root if self._unified else root / "cpuacct"
        self._newcomers = newcomers
        self._named = {name.strip("/") for name in named} - {""}
        self._old = self._containers() if newcomers else set()
        self._before: dict[str, float] = {}

    def watch_newcomers(self) -> None:
        """From now on groups of containers that appear count."""
        if not self._newcomers:
            self._newcomers, self._old = True, self._containers()

    def refresh(self) -> tuple[int, ...]:
        """Look for new groups; return the processes in all of them."""
        if self._newcomers:
            new = self._containers() - self._old - self._named
            self._named |= new
            # All that a newcomer took was taken under the watch, however late it was noticed.
            self._before |= dict.fromkeys(new, 0.0)
        return tuple(pid for name in sorted(self._named) for pid in self._pids(name))

    def read(self) -> tuple[ControlGroup, ...]:
        """The counters of each group that still exists; processor time since the watch began."""
        return tuple(group for name in sorted(self._named) if (group := self._read(name)) is not None)

    def _containers(self) -> set[str]:
        found = set()
        for parent in PARENTS_V2 if self._unified else PARENTS_V1:
            with suppress(OSError):
                for child in (self._cpu / parent).iterdir():
                    is_container = not parent.endswith("slice") or child.name.startswith(PREFIXES_V2)
                    if is_container and child.name != "buildkit" and (child / "cgroup.procs").is_file():
                        found.add(f"{parent}/{child.name}")
        return found

    def _pids(self, name: str) -> tuple[int, ...]:
        pids: list[int] = []
        with suppress(OSError, ValueError):
            pids += map(int, (self._cpu / name / "cgroup.procs").read_text().split())
        return tuple(pids)

    def _read(self, name: str) -> ControlGroup | None:
        group = self._read_unified(name) if self._unified else self._read_split(name)
        if group is None:
            return None
        first = self._before.setdefault(name, group.cpu_s)
        return group._replace(name=short_name(name), cpu_s=round(group.cpu_s - first, 3))

    def _read_unified(self, name: str) -> ControlGroup | None:
        folder = self._root / name
        stat = _pairs(folder / "cpu.stat")
        if "usage_usec" not in stat:
            return None
        reads, writes = parse_io_stat(_text(folder / "io.stat"))
        memory = _text(folder / "memory.current").strip()
        throttled = stat.get("throttled_usec")
        return ControlGroup(
            name,
            stat["usage_usec"] / 1e6,
            reads,
            writes,
            int(memory) if memory.isdigit() else None,
            None if throttled is None else throttled / 1e6,
        )

    def _read_split(self, name: str) -> ControlGroup | None:
        usage = _text(self._cpu / name / "cpuacct.usage").strip()
        if not usage.isdigit():
            return None
        reads, writes = parse_service_bytes(_text(self._root / "blkio" / name / "blkio.throttle.io_service_bytes"))
        memory = _text(self._root / "memory" / name / "memory.usage_in_bytes").strip()
        throttled = _pairs(self._root / "cpu" / name / "cpu.stat").get("throttled_time")
        return ControlGroup(
            name,
            int(usage) / 1e9,
            reads,
            writes,
            int(memory) if memory.isdigit() else None,
            None if throttled is None else throttled / 1e9,
        )


def short_name(path: str) -> str:
    """The part of a group's path that tells it from others, as short as docker writes ids."""
    name = path.rpartition("/")[2].removesuffix(".scope")
    for prefix in PREFIXES_V2:
        name = name.removeprefix(prefix)
    return name[:12]


def groups_of(text: str, unified: bool) -> str:
    """The group of a process from its `/proc/PID/cgroup`; empty for the root group."""
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        if (unified and controllers == "") or (not unified and "cpuacct" in controllers.split(",")):
            return path.strip("/")
    return ""


def group_of(pid: int, root: Path = ROOT) -> str:
    """The group of a process, below the root of the interface; empty where it has none of its own."""
    with suppress(OSError, ValueError):
        return groups_of(Path(f"/proc/{pid}/cgroup").read_text(), (root / "cgroup.controllers").is_file())
    return ""


def parse_io_stat(text: str) -> tuple[int | None, int | None]:
    """Bytes read and written from `io.stat` of version 2, summed over devices; None where it says nothing."""
    reads = writes = 0
    found = False
    for line in text.splitlines():
        for pair in line.split()[1:]:
            key, _, value = pair.partition("=")
            if key in ("rbytes", "wbytes") and value.isdigit():
                found = True
                reads += int(value) if key == "rbytes" else 0
                writes += int(value) if key == "wbytes" else 0
    return (reads, writes) if found else (None, None)


def parse_service_bytes(text: str) -> tuple[int | None, int | None]:
    """Bytes read and written from `blkio.throttle.io_service_bytes` of version 1.

    The kernel leaves it at nought until some rule throttles the group, so nought is unknown here.
    """
    reads = writes = 0
    for line in text.splitlines():
        field = line.split()
        if len(field) == 3 and field[2].isdigit():
            reads += int(field[2]) if field[1] == "Read" else 0
            writes += int(field[2]) if field[1] == "Write" else 0
    return (reads, writes) if reads or writes else (None, None)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _pairs(path: Path) -> dict[str, int]:
    fields = (line.split() for line in _text(path).splitlines())
    return {field[0]: int(field[1]) for field in fields if len(field) == 2 and field[1].isdigit()}
