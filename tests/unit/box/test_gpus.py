from types import SimpleNamespace
from typing import Any

import pytest

from onbox.box import gpus


class NotSupported(Exception):
    pass


def driver(**answers: Any) -> Any:
    """A management library that supports exactly what it is given answers for."""

    def function(name: str) -> Any:
        def call(*_: Any) -> Any:
            if name not in answers:
                raise NotSupported("Not Supported")
            return answers[name]

        return call

    names = [
        "nvmlDeviceGetCount nvmlDeviceGetHandleByIndex nvmlDeviceGetName nvmlDeviceGetUUID nvmlSystemGetDriverVersion",
        "nvmlDeviceGetMemoryInfo nvmlDeviceGetClockInfo nvmlDeviceGetMaxClockInfo nvmlDeviceGetPowerUsage",
        "nvmlDeviceGetEnforcedPowerLimit nvmlDeviceGetTemperature nvmlDeviceGetUtilizationRates",
        "nvmlDeviceGetCurrentClocksThrottleReasons nvmlDeviceGetComputeRunningProcesses",
        "nvmlDeviceGetCudaComputeCapability",
    ]
    constants = {"NVML_CLOCK_SM": 1, "NVML_CLOCK_MEM": 2, "NVML_TEMPERATURE_GPU": 0, "NVMLError": NotSupported}
    functions = {name: function(name) for name in " ".join(names).split()}
    return SimpleNamespace(**functions, **constants, nvmlInit=lambda: None, nvmlShutdown=lambda: None)


@pytest.fixture(autouse=True)
def no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onbox.box.cuda.devices", tuple)


def test_gb10_answers_what_it_can_and_the_rest_is_missing() -> None:
    found = gpus.accelerators(
        driver(
            nvmlDeviceGetCount=1,
            nvmlDeviceGetHandleByIndex=object(),
            nvmlDeviceGetName=b"NVIDIA GB10",
            nvmlDeviceGetCudaComputeCapability=(12, 1),
            nvmlDeviceGetClockInfo=702,
            nvmlDeviceGetPowerUsage=29500,
            nvmlDeviceGetCurrentClocksThrottleReasons=0x1 | 0x4,
            nvmlDeviceGetComputeRunningProcesses=[SimpleNamespace(pid=7, usedGpuMemory=None)],
        )
    )
    (device,) = found.devices
    assert device.name == "NVIDIA GB10"
    assert device.unified is True
    assert device.compute_capability == "12.1"
    assert (device.memory_total_bytes, device.memory_free_bytes) == (None, None)
    assert (device.power_limit_w, device.sm_clock_max_mhz, device.utilization_percent) == (None, None, None)
    assert device.power_w == 29.5
    assert device.throttle_reasons == ("sw_power_cap",)
    assert device.processes == (gpus.GpuProcess(7, None),)


def test_words_for_missing_are_missing() -> None:
    found = gpus.accelerators(
        driver(nvmlDeviceGetCount=1, nvmlDeviceGetHandleByIndex=1, nvmlDeviceGetName="[N/A]", nvmlDeviceGetUUID="N/A")
    )
    assert (found.devices[0].name, found.devices[0].uuid, found.devices[0].throttle_reasons) == (None, None, None)


def test_a_library_that_does_not_start_is_no_device() -> None:
    def fails() -> None:
        raise NotSupported("Driver Not Loaded")

    broken = driver()
    broken.nvmlInit = fails
    assert gpus.accelerators(broken) == gpus.Accelerators((), "", "check that nvidia-smi works")
