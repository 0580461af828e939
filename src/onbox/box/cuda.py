"""The few calls of the CUDA driver that onbox needs, through ctypes: the driver is there wherever a GPU works.

Nothing is compiled on the box and no CUDA toolkit is needed; function names and signatures are those of `cuda.h`.
"""

import ctypes
import ctypes.util
import functools
from dataclasses import dataclass
from typing import Any

from onbox.errors import BoxError

# CUdevice_attribute, from cuda.h
_MULTIPROCESSOR_COUNT, _INTEGRATED, _L2_CACHE_SIZE, _CAPABILITY_MAJOR, _CAPABILITY_MINOR = 16, 18, 38, 75, 76


@dataclass(frozen=True)
class Device:
    """What the driver tells of one device, before any context is made on it."""

    index: int
    name: str
    pci_bus_id: str
    """By which NVML knows the same device: the two count differently under CUDA_VISIBLE_DEVICES."""
    compute_capability: str
    integrated: bool
    memory_total_bytes: int
    multiprocessors: int
    l2_bytes: int


@functools.cache
def library() -> Any:
    """The driver's library, initialised; None where there is none or it finds no device."""
    try:
        loaded = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    return loaded if loaded.cuInit(0) == 0 else None


@functools.cache
def devices() -> tuple[Device, ...]:
    """The CUDA devices of this machine; empty without a driver."""
    driver = library()
    count = ctypes.c_int()
    if driver is None or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return ()
    return tuple(_device(driver, index) for index in range(count.value))


def _device(driver: Any, index: int) -> Device:
    handle = ctypes.c_int()
    call("cuDeviceGet", ctypes.byref(handle), index)
    name = ctypes.create_string_buffer(256)
    call("cuDeviceGetName", name, 256, handle)
    bus = ctypes.create_string_buffer(32)
    call("cuDeviceGetPCIBusId", bus, 32, handle)
    total = ctypes.c_size_t()
    call("cuDeviceTotalMem_v2", ctypes.byref(total), handle)

    def attribute(number: int) -> int:
        value = ctypes.c_int()
        call("cuDeviceGetAttribute", ctypes.byref(value), number, handle)
        return value.value

    return Device(
        index=index,
        name=name.value.decode("utf-8", "replace"),
        pci_bus_id=bus.value.decode("ascii", "replace"),
        compute_capability=f"{attribute(_CAPABILITY_MAJOR)}.{attribute(_CAPABILITY_MINOR)}",
        integrated=bool(attribute(_INTEGRATED)),
        memory_total_bytes=total.value,
        multiprocessors=attribute(_MULTIPROCESSOR_COUNT),
        l2_bytes=attribute(_L2_CACHE_SIZE),
    )


def call(name: str, *arguments: Any) -> None:
    """Call one function of the driver.

    Raises:
        BoxError: it answered with an error; the message holds the driver's own name for it.
    """
    driver = library()
    if driver is None:
        raise BoxError("no CUDA driver on this box")
    code = getattr(driver, name)(*arguments)
    if code != 0:
        text = ctypes.c_char_p()
        driver.cuGetErrorName(code, ctypes.byref(text))
        raise BoxError(f"CUDA driver: {name}: {(text.value or b'error').decode()} ({code})")


class Context:
    """The primary context of a device, current in this thread between enter and exit."""

    def __init__(self, device: Device) -> None:
        self._handle = ctypes.c_int()
        call("cuDeviceGet", ctypes.byref(self._handle), device.index)

    def __enter__(self) -> "Context":
        context = ctypes.c_void_p()
        call("cuDevicePrimaryCtxRetain", ctypes.byref(context), self._handle)
        call("cuCtxSetCurrent", context)
        return self

    def __exit__(self, *_: object) -> None:
        call("cuCtxSetCurrent", None)
        call("cuDevicePrimaryCtxRelease_v2", self._handle)


class Buffer:
    """Device memory, freed at exit."""

    def __init__(self, size_bytes: int) -> None:
        self._size = ctypes.c_size_t(size_bytes)
        self.pointer = ctypes.c_uint64()

    def __enter__(self) -> "Buffer":
        call("cuMemAlloc_v2", ctypes.byref(self.pointer), self._size)
        return self

    def __exit__(self, *_: object) -> None:
        call("cuMemFree_v2", self.pointer)


class Kernel:
    """One kernel, loaded from PTX text that the driver compiles for the device at hand."""

    def __init__(self, ptx: str, name: str) -> None:
        module = ctypes.c_void_p()
        call("cuModuleLoadData", ctypes.byref(module), ctypes.c_char_p(ptx.encode()))
        self._function = ctypes.c_void_p()
        call("cuModuleGetFunction", ctypes.byref(self._function), module, ctypes.c_char_p(name.encode()))

    def launch(self, blocks: int, threads: int, *arguments: ctypes.c_uint64) -> None:
        """Queue one launch on the default stream."""
        pointers = (ctypes.c_void_p * len(arguments))(*(ctypes.addressof(each) for each in arguments))
        call("cuLaunchKernel", self._function, blocks, 1, 1, threads, 1, 1, 0, None, pointers, None)


class CudaEvent:
    """A time stamp on the default stream."""

    def __init__(self) -> None:
        self.handle = ctypes.c_void_p()
        call("cuEventCreate", ctypes.byref(self.handle), 0)

    def record(self) -> None:
        """Queue the stamp."""
        call("cuEventRecord", self.handle, None)

    def seconds_since(self, earlier: "CudaEvent") -> float:
        """Time between two stamps, once both have happened."""
        milliseconds = ctypes.c_float()
        call("cuEventElapsedTime", ctypes.byref(milliseconds), earlier.handle, self.handle)
        return milliseconds.value / 1e3


def fill(buffer: Buffer, word: int, words: int) -> None:
    """Set `words` 32-bit words of a buffer to one value."""
    call("cuMemsetD32_v2", buffer.pointer, ctypes.c_uint(word), ctypes.c_size_t(words))


def first_word(buffer: Buffer) -> int:
    """Copy back the first 32-bit word of a buffer; waits for all that is queued."""
    word = ctypes.c_uint32()
    call("cuMemcpyDtoH_v2", ctypes.byref(word), buffer.pointer, ctypes.c_size_t(4))
    return word.value


def synchronize() -> None:
    """Wait for all that is queued."""
    call("cuCtxSynchronize")


def free_bytes() -> int:
    """Free memory of the current context's device."""
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
    return free.value
