# ruff: noqa: N802 - the names are the library's own
"""What the driver's library tells of its devices, and what it does not, with a library that answers as nvml.h says."""

import os
from typing import Any

import pytest

from onbox.supervisor import gpu_memory
from onbox.supervisor.gpu_memory import NOT_AVAILABLE, GpuReading, open_nvml
from onbox.watch.collect import Collector, Target
from onbox.watch.samples import Gpu

NOT_SUPPORTED = 3
MINE = os.getpid()


class Library:
    """Two devices; the second tells no power, as a board without a sensor does."""

    def __init__(self, used: dict[int, int]) -> None:
        self.used = used
        self.stopped = False

    def nvmlInit_v2(self) -> int:
        return 0

    def nvmlShutdown(self) -> int:
        self.stopped = True
        return 0

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:
        count._obj.value = 2
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: int, handle: Any) -> int:
        handle._obj.value = index + 1
        return 0

    def nvmlDeviceGetPowerUsage(self, device: Any, value: Any) -> int:
        value._obj.value = 44_500
        return 0 if device.value == 1 else NOT_SUPPORTED

    def nvmlDeviceGetClockInfo(self, device: Any, kind: int, value: Any) -> int:
        assert kind == 1
        value._obj.value = 1000 * device.value
        return 0

    def nvmlDeviceGetComputeRunningProcesses_v3(self, device: Any, count: Any, rows: Any) -> int:
        assert count._obj.value == gpu_memory.PROCESSES_MAX
        for row, (pid, used) in zip(rows, self.used.items(), strict=False):
            row.pid, row.used_bytes = pid, used
        count._obj.value = len(self.used)
        return 0


def library(monkeypatch: pytest.MonkeyPatch, used: dict[int, int]) -> Library:
    found = Library(used)
    monkeypatch.setattr("onbox.supervisor.gpu_memory.ctypes.CDLL", lambda name: found)
    return found


def test_what_is_reported_and_what_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    library(monkeypatch, {7: 100, 8: 50})
    opened = open_nvml()
    assert opened is not None
    assert opened.moments() == [
        GpuReading(0, 44.5, 1000.0, {7: 100, 8: 50}),
        GpuReading(1, None, 2000.0, {7: 100, 8: 50}),
    ]
    assert opened.used_bytes() == {7: 200, 8: 100}


def test_a_process_whose_memory_is_not_reported_makes_all_of_it_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    library(monkeypatch, {7: 100, 8: NOT_AVAILABLE})
    opened = open_nvml()
    assert opened is not None
    assert opened.used_bytes() is None
    assert opened.moments()[0].used_bytes is None


def test_a_library_that_is_missing_or_too_old_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Library, "nvmlDeviceGetComputeRunningProcesses_v3")
    library(monkeypatch, {})
    assert open_nvml() is None
    monkeypatch.setattr("onbox.supervisor.gpu_memory.ctypes.CDLL", lambda name: (_ for _ in ()).throw(OSError(name)))
    assert open_nvml() is None


def test_a_look_shows_what_the_watched_set_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    found = library(monkeypatch, {MINE: 100, 1: 50})
    collector = Collector(Target(pids=(MINE,)))
    assert collector.sample().gpus == (Gpu(0, 44.5, 1000.0, 100), Gpu(1, None, 2000.0, 100))
    collector.close()
    assert found.stopped
