"""GPU memory by process, straight from the driver's library: the one number of GB10's memory that NVML tells."""

import ctypes

NOT_AVAILABLE = 2**64 - 1
PROCESSES_MAX = 256


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
        self._buffer = (_Process * PROCESSES_MAX)()

    def used_bytes(self) -> dict[int, int] | None:
        """Bytes by pid over all devices; None when a device does not tell."""
        found: dict[int, int] = {}
        for device in self._devices:
            count = ctypes.c_uint(PROCESSES_MAX)
            ask = self._library.nvmlDeviceGetComputeRunningProcesses_v3
            if ask(device, ctypes.byref(count), self._buffer) != 0:
                return None
            for process in self._buffer[: count.value]:
                if process.used_bytes == NOT_AVAILABLE:
                    return None
                found[process.pid] = found.get(process.pid, 0) + process.used_bytes
        return found


def open_nvml() -> Nvml | None:
    """The library, or None on a box without an NVIDIA driver."""
    try:
        return Nvml()
    except (OSError, AttributeError):
        return None
