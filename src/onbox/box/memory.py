"""How much memory a model may have on this box, by the rule that fits the kind of memory."""

from dataclasses import dataclass
from pathlib import Path

import psutil

PROC_MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Memory:
    """The memory of the host, in bytes. A field that the system does not tell is None, never 0."""

    total_bytes: int
    available_bytes: int
    """What a new model could be given now, by `rule`."""
    unified: bool | None
    """Whether the processor and an accelerator share this memory; None when the accelerator does not say."""
    rule: str
    """How `available_bytes` was computed, in words."""
    free_bytes: int | None = None
    swap_total_bytes: int | None = None
    swap_free_bytes: int | None = None
    hugetlb_free_bytes: int | None = None
    """Free pages of an explicit huge page pool; None where there is no pool."""
    cgroup_limit_bytes: int | None = None
    """The control group's limit on us; it does not see what a GPU takes from unified memory."""


def memory(*, unified: bool | None = False, meminfo: Path = PROC_MEMINFO, cgroup: Path = CGROUP) -> Memory:
    """Read the host's memory.

    On unified memory the rule is NVIDIA's for DGX Spark (known issues page): `MemAvailable + SwapFree`, or the free
    pages of the hugetlb pool when one is in use. `cudaMemGetInfo` is of no use there: its free is MemFree, without the
    page cache. On other memory swap does not count, and the control group's limit does, since it sees all of it.

    Args:
        unified: whether an accelerator shares the memory, as `accelerators` tell.
        meminfo: where the kernel tells; a system without that file is asked through psutil.
        cgroup: the root of this process's control group (version 2).
    """
    fields = read_meminfo(meminfo)
    virtual = psutil.virtual_memory()
    total = fields.get("MemTotal", virtual.total)
    available = fields.get("MemAvailable", virtual.available)
    swap_free = fields.get("SwapFree")
    hugetlb_free = _hugetlb_free_bytes(fields)
    limit, used = _cgroup_bytes(cgroup)
    rule = "MemAvailable" if "MemAvailable" in fields else "available memory as psutil tells"
    if unified and hugetlb_free is not None:
        available, rule = hugetlb_free, "HugePages_Free x Hugepagesize (a hugetlb pool is in use)"
    elif unified:
        available, rule = available + (swap_free or 0), "MemAvailable + SwapFree"
    elif limit is not None and limit - (used or 0) < available:
        available, rule = max(0, limit - (used or 0)), "the control group's limit less what it uses"
    return Memory(
        total_bytes=total,
        available_bytes=available,
        unified=unified,
        rule=rule,
        free_bytes=fields.get("MemFree"),
        swap_total_bytes=fields.get("SwapTotal"),
        swap_free_bytes=swap_free,
        hugetlb_free_bytes=hugetlb_free,
        cgroup_limit_bytes=limit,
    )


def read_meminfo(path: Path = PROC_MEMINFO) -> dict[str, int]:
    """The lines of `/proc/meminfo`: bytes for those in kB, plain counts for the rest; empty where it is missing."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    values = {}
    for line in lines:
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            values[name] = int(words[0]) * (1024 if words[1:] == ["kB"] else 1)
    return values


def _hugetlb_free_bytes(fields: dict[str, int]) -> int | None:
    if not fields.get("HugePages_Total"):
        return None
    return fields.get("HugePages_Free", 0) * fields.get("Hugepagesize", 0)


def _cgroup_bytes(root: Path) -> tuple[int | None, int | None]:
    """Limit and use of the control group, page cache that can be dropped taken off the use."""
    try:
        limit = int((root / "memory.max").read_text())
        used = int((root / "memory.current").read_text())
        statistics = dict(line.split() for line in (root / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no limit reads "max"
        return None, None
    return limit, max(0, used - int(statistics.get("inactive_file", 0)))
