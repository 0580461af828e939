"""What changes of a GPU, straight from the driver's library: memory by process, power, clock.

Memory by process is the one number of GB10's memory that NVML tells. Standard library only, as all of the supervisor;
and CUDA is not started, which would take more memory than all the rest of a watch.
"""

import ctypes
from collections.abc import Callable
from typing import NamedTuple

NOT_AVAILABLE = 2**64 - 1
PROCESSES_MAX = 256
CLOCK_SM = 1


class GpuReading(NamedTuple):
    """One device now; None is what its driver does not tell."""

    number: int
    power_w: float | None
    clock_mhz: float | None
    used_bytes: dict[int, int] | None
    """By pid."""


class _Process(ctypes.Structure):
    """`nvmlProcessInfo_t` of nvml.h, version 2 and 3."""

    _fields_ = (
        ("pid", ctypes.c_uint),
        ("used_bytes", ctypes.c_ulonglong),
        ("gpu_instance", ctypes.c_uint),
        ("compute_instance", ctypes.c_uint),
    )


class Nvml:
    """The library, opened.

    Raises:
        OSError: there is no such library, or it does not start.
        AttributeError: it is too old to tell memory by process in this form.
    """

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libnvidia-ml.so.1")
        if self._library.nvmlInit_v2() != 0:
            raise OSError("NVML does not start")
        count = ctypes.c_uint()
        self._library.nvmlDeviceGetCount_v2(ctypes.byref(count))
        self._devices = []
        for index in range(count.value):
            handle = ctypes.c_void_p()
            if self._library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) == 0:
                self._devices.append(handle)
        self._processes = self._library.nvmlDeviceGetComputeRunningProcesses_v3
        self._buffer = (_Process * PROCESSES_MAX)()

    def moments(self) -> list[GpuReading]:
        """Every device as it is now."""
        found = []
        for number, device in enumerate(self._devices):
            power_mw = self._number(self._library.nvmlDeviceGetPowerUsage, device)
            clock = self._number(self._library.nvmlDeviceGetClockInfo, device, CLOCK_SM)
            power_w = None if power_mw is None else power_mw / 1000
            found.append(GpuReading(number, power_w, clock, self._used_bytes(device)))
        return found

    def used_bytes(self) -> dict[int, int] | None:
        """Bytes by pid over all devices; None when a device does not tell."""
        found: dict[int, int] = {}
        for device in self._devices:
            given = self._used_bytes(device)
            if given is None:
                return None
            for pid, count in given.items():
                found[pid] = found.get(pid, 0) + count
        return found

    def close(self) -> None:
        """Let go of the driver."""
        self._library.nvmlShutdown()

    def _used_bytes(self, device: ctypes.c_void_p) -> dict[int, int] | None:
        found: dict[int, int] = {}
        count = ctypes.c_uint(PROCESSES_MAX)
        if self._processes(device, ctypes.byref(count), self._buffer) != 0:
            return None
        for process in self._buffer[: count.value]:
            if process.used_bytes == NOT_AVAILABLE:
                return None
            found[process.pid] = found.get(process.pid, 0) + process.used_bytes
        return found

    @staticmethod
    def _number(ask: Callable[..., int], device: ctypes.c_void_p, *what: int) -> float | None:
        value = ctypes.c_uint()
        return float(value.value) if ask(device, *what, ctypes.byref(value)) == 0 else None


def open_nvml() -> Nvml | None:
    """The library, or None on a box without an NVIDIA driver."""
    try:
        return Nvml()
    except (OSError, AttributeError):
        return None
