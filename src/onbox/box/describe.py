"""The whole box in one record, as `onbox box` shows it and as a trial's `box.json` keeps it."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from onbox.box import cuda, gpus
from onbox.box.bandwidth import Bandwidth, cpu_bandwidth
from onbox.box.checks import checks
from onbox.box.gpu_bandwidth import gpu_bandwidth
from onbox.box.gpus import Accelerator
from onbox.box.memory import Memory, memory
from onbox.box.nominal import nominal
from onbox.box.pressure import Pressure, desktop_session, pressure
from onbox.box.system import Cpu, Disk, System, cpu, disk, proxies, system
from onbox.errors import BoxError
from onbox.schema.checks import Check, Status

DESKTOP_RESERVE_BYTES = 4 << 30
"""What a graphical session and a browser need to stay alive; our own allowance, stated wherever it is used."""
SYSTEM_RESERVE_SHARE = 0.05
UNIFIED_RESERVE_SHARE = 0.08
"""A GPU's allocations in unified memory are neither swapped nor capped, and a starved driver hangs the box."""


@dataclass(frozen=True)
class Box:
    """A machine, as it was at one moment."""

    memory: Memory
    bandwidth: Bandwidth | None
    """Of the processor that would decode: the first GPU where there is one, else the CPU. None: not measured."""
    bandwidths: tuple[Bandwidth, ...]
    accelerators: tuple[Accelerator, ...]
    checks: tuple[Check, ...]
    cpu: Cpu
    system: System
    disk: Disk
    pressure: Pressure
    desktop_session: bool | None
    proxies: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return dataclasses.asdict(self)


def describe(*, measure: bool = True) -> Box:
    """Look at this machine; about 2 s, of which bandwidth is most. Reads nothing from any network.

    Args:
        measure: whether to measure read bandwidth; without it `bandwidth` is None.
    """
    found = gpus.accelerators()
    here = memory(unified=unified(found.devices))
    squeeze = pressure()
    measured, problems = _measured(found) if measure else ((), [])
    through = proxies()
    trouble = [Check("accelerator.told", Status.WARN, found.problem, None, "", found.problem, found.hint)]
    return Box(
        memory=here,
        bandwidth=measured[0] if measured else None,
        bandwidths=measured,
        accelerators=found.devices,
        checks=(
            *checks(here, squeeze, found.devices, measured, through),
            *(trouble if found.problem else []),
            *problems,
        ),
        cpu=cpu(),
        system=system(),
        disk=disk(),
        pressure=squeeze,
        desktop_session=desktop_session(),
        proxies=through,
    )


def bandwidth() -> Bandwidth:
    """Measured read bandwidth of the processor that would decode: the first GPU where there is one, else the CPU."""
    measured, _ = _measured(gpus.accelerators(), cpu_too=False)
    return measured[0]


def unified(devices: tuple[Accelerator, ...]) -> bool | None:
    """Whether host and accelerator share one memory: False without an accelerator, None when it does not say."""
    if not devices:
        return False
    flags = [device.unified for device in devices]
    if True in flags:
        return True
    return None if None in flags else False


def reserve_bytes(total_bytes: int, desktop: bool | None, *, unified: bool | None = False) -> int:
    """What a model must leave to the system.

    5 percent of memory (8 where an accelerator shares it), 2 GiB at least (an eighth of a box below 16 GiB), and 4 GiB
    more for a desktop.
    """
    share = UNIFIED_RESERVE_SHARE if unified else SYSTEM_RESERVE_SHARE
    least = min(2 << 30, total_bytes // 8)
    return max(least, int(total_bytes * share)) + (DESKTOP_RESERVE_BYTES if desktop else 0)


def _measured(found: gpus.Accelerators, *, cpu_too: bool = True) -> tuple[tuple[Bandwidth, ...], list[Check]]:
    """GPU first, then CPU; a GPU that cannot be measured is a check, and no reason to go without the CPU."""
    measured: list[Bandwidth] = []
    problems = []
    for device in cuda.devices():  # each that this process may use
        try:
            with gpus.GpuSampler(device.pci_bus_id) as sampler:
                bandwidth = gpu_bandwidth(device, sample=sampler.sample)
            measured.append(dataclasses.replace(bandwidth, index=_index(device, found.devices)))
        except BoxError as error:
            problems.append(
                Check(
                    f"bandwidth.gpu{device.index}", Status.FAIL, error.message, None, "", error.message, error.next_step
                )
            )
    if cpu_too or not measured:
        measured.append(_with_nominal(cpu_bandwidth(), found.devices))
    return tuple(measured), problems


def _index(device: cuda.Device, accelerators: tuple[Accelerator, ...]) -> int | None:
    """NVML's number of a device of CUDA's: the two count differently."""
    if all(each.pci_bus_id is None for each in accelerators):  # CUDA alone was asked, or one device is all there is
        return device.index if len(accelerators) == 1 or all(each.driver is None for each in accelerators) else None
    at = gpus.bus_number(device.pci_bus_id)
    return next((each.index for each in accelerators if gpus.bus_number(each.pci_bus_id) == at), None)


def _with_nominal(measured: Bandwidth, devices: tuple[Accelerator, ...]) -> Bandwidth:
    """On unified memory the device's number is the memory's; the processor's own name may be in the table too."""
    names = [device.name for device in devices if device.unified] + [cpu().model]
    stated = next((found for name in names if (found := nominal(name)) is not None), None)
    if stated is None:
        return measured
    return dataclasses.replace(measured, nominal_gb_s=stated.gb_s, nominal_source=stated.source)
