"""Whether NVIDIA's driver has loaded its compiler of PTX into a process.

The driver compiles a kernel that has no code for the chip when the kernel is first used, inside the engine's process:
for minutes one thread uses a core, and nothing else of the process changes. The library stays loaded afterwards (seen
with driver 580).
"""

from collections.abc import Iterable

LIBRARY = b"libnvidia-ptxjitcompiler.so"


def ptx_compiler_loaded(pids: Iterable[int]) -> bool:
    """Whether one of these processes has it mapped; one that may not be read counts as having none."""
    return any(_maps_it(pid) for pid in pids)


def _maps_it(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/maps", "rb") as file:
            return any(LIBRARY in line for line in file)
    except OSError:
        return False
