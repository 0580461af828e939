"""What an engine holds of each GPU now, beside what was planned for it."""

from collections.abc import Sequence
from contextlib import suppress

import psutil

from onbox.evidence.records import GpuHeld
from onbox.launch.budget import GpuPlan
from onbox.supervisor.gpu_memory import open_nvml


def gpus_held(pid: int | None, plans: Sequence[GpuPlan] = ()) -> tuple[GpuHeld, ...]:
    """Each GPU that the engine's processes hold memory of, or was to hold; empty where there is none to see.

    Args:
        pid: of the engine; its children count with it.
        plans: of the GPUs that it was to use.
    """
    nvml = open_nvml() if pid is not None else None
    if nvml is None:
        return ()
    family = {pid}
    with suppress(psutil.Error):
        family |= {child.pid for child in psutil.Process(pid).children(recursive=True)}
    planned = {each.index: each.plan_bytes for each in plans}
    found = []
    try:
        for device in nvml.moments():
            used = device.used_bytes
            held = None if used is None else sum(count for owner, count in used.items() if owner in family)
            if held or device.number in planned:
                found.append(GpuHeld(index=device.number, held_bytes=held, plan_bytes=planned.get(device.number)))
    finally:
        nvml.close()
    return tuple(found)
