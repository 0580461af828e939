"""NVIDIA accelerators as the driver's management library tells them, one field at a time.

GB10 answers several questions with NOT_SUPPORTED (its memory is the host's, it has no fan and no power limit): such a
field is None, and the next one is asked all the same.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onbox.box import cuda

# Names of the throttle reason bits, from nvml.h. `gpu_idle` is no throttling and is left out.
_THROTTLE_BITS = {
    0x02: "applications_clocks_setting",
    0x04: "sw_power_cap",
    0x08: "hw_slowdown",
    0x10: "sync_boost",
    0x20: "sw_thermal_slowdown",
    0x40: "hw_thermal_slowdown",
    0x80: "hw_power_brake_slowdown",
    0x100: "display_clock_setting",
}


AMD_DRIVER = Path("/dev/kfd")
"""There is an accelerator that NVML does not know."""


@dataclass(frozen=True)
class GpuProcess:
    """A process that holds memory of an accelerator; None where the driver does not tell how much."""

    pid: int
    used_bytes: int | None


@dataclass(frozen=True)
class Accelerator:
    """One accelerator. A field that its driver does not tell is None, never 0."""

    index: int
    name: str | None
    kind: str = "nvidia"
    uuid: str | None = None
    driver: str | None = None
    compute_capability: str | None = None
    unified: bool | None = None
    """Whether it shares the host's memory (CUDA calls it integrated)."""
    memory_total_bytes: int | None = None
    memory_free_bytes: int | None = None
    sm_clock_mhz: float | None = None
    sm_clock_max_mhz: float | None = None
    memory_clock_mhz: float | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    temperature_c: float | None = None
    utilization_percent: float | None = None
    throttle_reasons: tuple[str, ...] | None = None
    processes: tuple[GpuProcess, ...] | None = None
    pci_bus_id: str | None = None
    mig: bool | None = None
    """Whether it is split into instances (MIG): what one of them may hold is then not this device's memory."""


@dataclass(frozen=True)
class Accelerators:
    """What was found, and why nothing was when a driver is there."""

    devices: tuple[Accelerator, ...] = ()
    problem: str = ""
    hint: str = ""


def accelerators(nvml: Any = None) -> Accelerators:
    """List the NVIDIA accelerators of this machine.

    Asks NVML through `nvidia-ml-py`; without it, the CUDA driver tells name, compute capability and kind of memory.

    Args:
        nvml: the module `pynvml`, or one that looks like it; by default the one that is installed.
    """
    attributes = cuda.devices()
    if nvml is None:
        try:
            nvml = importlib.import_module("pynvml")
        except ImportError:
            problem = "the NVIDIA management library cannot be used: nvidia-ml-py is missing" if attributes else ""
            return Accelerators(_from_cuda(attributes), problem, "pip install nvidia-ml-py")
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        problem = f"the NVIDIA management library does not start: {error}" if attributes else ""
        return Accelerators(_from_cuda(attributes), problem, "check that nvidia-smi works")
    try:
        count = _ask(nvml, nvml.nvmlDeviceGetCount) or 0
        found = tuple(_device(nvml, index, attributes) for index in range(count))
    finally:
        nvml.nvmlShutdown()
    return Accelerators(found)


@dataclass(frozen=True)
class GpuSample:
    """Clock and power at one moment; None where the driver does not tell."""

    clock_mhz: float | None = None
    power_w: float | None = None


def _started(given: Any = None) -> Any | None:
    """NVML, or the module given in its place, ready to be asked; None where it is missing or does not start."""
    try:
        nvml = given or importlib.import_module("pynvml")
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    return nvml


class GpuSampler:
    """Asks one device for clock and power, often; every answer is empty where NVML is missing."""

    def __init__(self, pci_bus_id: str) -> None:
        self._bus = pci_bus_id
        self._nvml: Any = None
        self._handle: Any = None

    def __enter__(self) -> "GpuSampler":
        nvml = _started()
        if nvml is None:
            return self
        self._nvml = nvml
        self._handle = _ask(nvml, nvml.nvmlDeviceGetHandleByPciBusId, self._bus.encode())
        return self

    def __exit__(self, *_: object) -> None:
        if self._nvml is not None:
            self._nvml.nvmlShutdown()

    def sample(self) -> GpuSample:
        """Clock and power now."""
        nvml = self._nvml
        if nvml is None or self._handle is None:
            return GpuSample()
        return GpuSample(
            _number(_ask(nvml, nvml.nvmlDeviceGetClockInfo, self._handle, nvml.NVML_CLOCK_SM)),
            _scaled(_ask(nvml, nvml.nvmlDeviceGetPowerUsage, self._handle), 1000),
        )


class GpuWatch:
    """Looks at all devices again and again without starting the library anew each time.

    Args:
        nvml: the module `pynvml`, or one that looks like it; by default the one that is installed.
    """

    def __init__(self, nvml: Any = None) -> None:
        self._given = nvml
        self._nvml: Any = None
        self._attributes: tuple[cuda.Device, ...] = ()
        self._devices: tuple[tuple[Any, Accelerator], ...] = ()
        self.knows_devices: bool = False
        """Whether it is known which accelerators are here; that there are none is known too."""

    def __enter__(self) -> "GpuWatch":
        self._attributes = cuda.devices()
        self.knows_devices = not self._attributes and not AMD_DRIVER.exists()
        nvml = _started(self._given)
        if nvml is None:
            return self
        self._nvml = nvml
        self._devices = tuple(
            (_ask(nvml, nvml.nvmlDeviceGetHandleByIndex, index), _device(nvml, index, self._attributes))
            for index in range(_ask(nvml, nvml.nvmlDeviceGetCount) or 0)
        )
        self.knows_devices = self.knows_devices or bool(self._devices)
        return self

    def __exit__(self, *_: object) -> None:
        if self._nvml is not None:
            self._nvml.nvmlShutdown()

    def read(self) -> tuple[Accelerator, ...]:
        """Every device: clock, power, temperature, throttling and processes as they are now, the rest as at entry.

        Ten looks a second at eight devices are hundreds of questions to the driver: what does not change is asked once.
        """
        return tuple(
            device if handle is None else replace(device, **_moment(self._nvml, handle))
            for handle, device in self._devices
        )


def _from_cuda(attributes: tuple[cuda.Device, ...]) -> tuple[Accelerator, ...]:
    return tuple(
        Accelerator(
            index=each.index,
            name=each.name,
            compute_capability=each.compute_capability,
            unified=each.integrated,
            memory_total_bytes=None if each.integrated else each.memory_total_bytes,
        )
        for each in attributes
    )


def _device(nvml: Any, index: int, attributes: tuple[cuda.Device, ...]) -> Accelerator:
    handle = _ask(nvml, nvml.nvmlDeviceGetHandleByIndex, index)
    if handle is None:
        return Accelerator(index=index, name=None)

    def ask(name: str, *rest: Any) -> Any:
        return _ask_device(nvml, name, handle, *rest)

    name = _text(ask("nvmlDeviceGetName"))
    bus = _text(getattr(ask("nvmlDeviceGetPciInfo"), "busId", None))
    mode = ask("nvmlDeviceGetMigMode")
    memory = ask("nvmlDeviceGetMemoryInfo")
    capability = ask("nvmlDeviceGetCudaComputeCapability")
    utilization = ask("nvmlDeviceGetUtilizationRates")
    return Accelerator(
        index=index,
        name=name,
        uuid=_text(ask("nvmlDeviceGetUUID")),
        driver=_text(_ask(nvml, nvml.nvmlSystemGetDriverVersion)),
        compute_capability=".".join(str(part) for part in capability) if capability else None,
        unified=_unified(name, bus, attributes),
        memory_total_bytes=_number(getattr(memory, "total", None)),
        memory_free_bytes=_number(getattr(memory, "free", None)),
        sm_clock_max_mhz=_number(ask("nvmlDeviceGetMaxClockInfo", nvml.NVML_CLOCK_SM)),
        memory_clock_mhz=_number(ask("nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_MEM)),
        power_limit_w=_scaled(ask("nvmlDeviceGetEnforcedPowerLimit"), 1000),
        utilization_percent=_number(getattr(utilization, "gpu", None)),
        pci_bus_id=bus,
        mig=None if mode is None else bool(mode[0]),
        **_moment(nvml, handle),
    )


def _moment(nvml: Any, handle: Any) -> dict[str, Any]:
    """What changes from one look to the next."""

    def ask(name: str, *rest: Any) -> Any:
        return _ask_device(nvml, name, handle, *rest)

    return {
        "sm_clock_mhz": _number(ask("nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_SM)),
        "power_w": _scaled(ask("nvmlDeviceGetPowerUsage"), 1000),
        "temperature_c": _number(ask("nvmlDeviceGetTemperature", nvml.NVML_TEMPERATURE_GPU)),
        "throttle_reasons": _throttle(ask("nvmlDeviceGetCurrentClocksThrottleReasons")),
        "processes": _processes(ask("nvmlDeviceGetComputeRunningProcesses")),
    }


def _ask_device(nvml: Any, name: str, handle: Any, *rest: Any) -> Any:
    """None too where this library has no such function."""
    function = getattr(nvml, name, None)
    return None if function is None else _ask(nvml, function, handle, *rest)


def _ask(nvml: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    """The answer, or None for whatever the driver does not support, allow or know."""
    try:
        return function(*arguments)
    except nvml.NVMLError:
        return None


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return None if value is None or str(value).strip("[] ").upper() in ("N/A", "NOT_SUPPORTED", "") else str(value)


def _number(value: Any) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _scaled(value: Any, divisor: float) -> float | None:
    number = _number(value)
    return None if number is None else number / divisor


def _throttle(bits: Any) -> tuple[str, ...] | None:
    if _number(bits) is None:
        return None
    return tuple(name for bit, name in _THROTTLE_BITS.items() if bits & bit)


def _processes(entries: Any) -> tuple[GpuProcess, ...] | None:
    if entries is None:
        return None
    return tuple(GpuProcess(pid=each.pid, used_bytes=_number(each.usedGpuMemory)) for each in entries)


def _unified(name: str | None, bus: str | None, attributes: tuple[cuda.Device, ...]) -> bool | None:
    """CUDA's word for the device at that place, or of that name; without CUDA, only GB10 is known by its name."""
    at = bus_number(bus)
    for each in attributes:
        if (at is not None and at == bus_number(each.pci_bus_id)) or (at is None and each.name == name):
            return each.integrated
    named = {each.integrated for each in attributes if each.name == name}
    if len(named) == 1:
        return named.pop()
    return True if name and "GB10" in name else None


def bus_number(text: str | None) -> tuple[int, ...] | None:
    """A place on the PCI bus to compare by: NVML writes 00000000:3B:00.0, CUDA 0000:3B:00.0."""
    try:
        return tuple(int(part, 16) for part in (text or "").replace(".", ":").split(":")) if text else None
    except ValueError:
        return None
