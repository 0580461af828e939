"""Which accelerators a program may use: `CUDA_VISIBLE_DEVICES`, as the CUDA driver reads it.

The contract is NVIDIA's (CUDA programming guide, environment variables): indices or UUIDs with a comma between them,
in the order in which the program will count them; the first that is not valid ends the list; an empty value, or -1,
hides all. An index counts as CUDA counts, the fastest first unless `CUDA_DEVICE_ORDER` is `PCI_BUS_ID`, and not as
NVML and nvidia-smi do: on a box of unlike devices it does not say which one it is.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onbox.box.gpus import Accelerator

VARIABLE = "CUDA_VISIBLE_DEVICES"
ORDER = "CUDA_DEVICE_ORDER"
BY_BUS = "PCI_BUS_ID"


@dataclass(frozen=True)
class Selection:
    """Devices in the order in which the program counts them; None where it is not known which they are."""

    devices: tuple[Accelerator, ...] | None
    why: str = ""
    """Why not all, or why it is not known."""


def selected(devices: Sequence[Accelerator], environment: Mapping[str, str]) -> Selection:
    """The devices that a program with this environment may use.

    Args:
        devices: of the box, in NVML's order.
        environment: of the program.
    """
    value = environment.get(VARIABLE)
    by_bus = environment.get(ORDER) == BY_BUS or len({_kind(each) for each in devices}) <= 1
    if value is None:
        return Selection(tuple(devices))
    found: list[Accelerator] = []
    unsure = False
    for word in (part.strip() for part in value.split(",")):
        if word.upper().startswith("MIG-"):
            return Selection(None, f"{VARIABLE}={value}: an instance of MIG, whose memory is not known here")
        if re.fullmatch(r"\d+", word) and int(word) < len(devices):
            found.append(devices[int(word)])
            unsure = unsure or not by_bus
        elif len(named := [each for each in devices if word and (each.uuid or "").startswith(word)]) == 1:
            found.append(named[0])
        else:
            break
    if len({each.index for each in found}) < len(found):
        return Selection((), f"{VARIABLE}={value} names a device twice, so CUDA shows no device")
    if unsure and len(found) < len(devices):
        why = f"{VARIABLE}={value}: the devices differ, and without {ORDER}={BY_BUS} an index does not identify one"
        return Selection(None, why)
    return Selection(tuple(found), f"{VARIABLE}={value}")


def alike(devices: Sequence[Accelerator]) -> list[tuple[Accelerator, ...]]:
    """Devices of one name and size together, in the order of the first of each."""
    groups: dict[tuple[object, ...], list[Accelerator]] = {}
    for each in devices:
        groups.setdefault(_kind(each), []).append(each)
    return [tuple(group) for group in groups.values()]


def named(devices: Sequence[Accelerator]) -> str:
    """`2 x NVIDIA H200, NVIDIA L4`."""
    names = [(len(group), group[0].name or "unknown") for group in alike(devices)]
    return ", ".join(name if count == 1 else f"{count} x {name}" for count, name in names)


def _kind(device: Accelerator) -> tuple[object, ...]:
    return device.name, device.compute_capability, device.memory_total_bytes, device.mig
