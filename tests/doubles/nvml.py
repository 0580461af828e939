"""A management library of several devices, as `pynvml` looks; what a device is not given is not supported."""

from types import SimpleNamespace
from typing import Any

GIB = 2**30


class NotSupported(Exception):
    """What `pynvml` raises."""


def gpu(name: str = "NVIDIA H200", total_gib: int = 141, free_gib: int | None = None, **more: Any) -> dict[str, Any]:
    """Answers of one device: by the ends of the functions' names."""
    free = (total_gib - 1 if free_gib is None else free_gib) * GIB
    return {
        "Name": name,
        "MemoryInfo": SimpleNamespace(total=total_gib * GIB, free=free),
        "CudaComputeCapability": (9, 0),
        "ClockInfo": 1980,
        "MaxClockInfo": 1980,
        "PowerUsage": 120_000,
        "Temperature": 40,
        "CurrentClocksThrottleReasons": 0,
        "ComputeRunningProcesses": [],
        "MigMode": [0, 0],
        **more,
    }


def nvml(*devices: dict[str, Any]) -> Any:
    """The library of a box with these; `calls` counts the calls by function."""
    calls: dict[str, int] = {}

    def question(end: str) -> Any:
        def ask(device: int, *_: Any) -> Any:
            calls[end] = calls.get(end, 0) + 1
            given = {
                "UUID": f"GPU-{device:08x}-aaaa",
                "PciInfo": SimpleNamespace(busId=f"00000000:{16 + device:02X}:00.0"),
                **devices[device],
            }
            if end not in given:
                raise NotSupported("Not Supported")
            return given[end]

        return ask

    ends = (
        "Name UUID MemoryInfo ClockInfo MaxClockInfo PowerUsage EnforcedPowerLimit Temperature UtilizationRates PciInfo"
        " CurrentClocksThrottleReasons ComputeRunningProcesses CudaComputeCapability MigMode"
    )
    return SimpleNamespace(
        **{f"nvmlDeviceGet{end}": question(end) for end in ends.split()},
        nvmlDeviceGetCount=lambda: len(devices),
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetHandleByPciBusId=lambda bus: 0,
        nvmlSystemGetDriverVersion=lambda: "580.1",
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        NVML_CLOCK_SM=1,
        NVML_CLOCK_MEM=2,
        NVML_TEMPERATURE_GPU=0,
        NVMLError=NotSupported,
        calls=calls,
    )
