"""The driver compiles kernels inside the engine: what shows it, and what is said then."""

import mmap
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from onbox.watch.classify import PTX_COMPILER, Assessment, WatchState
from onbox.watch.collect import Collector, Target
from onbox.watch.driver_compiler import ptx_compiler_loaded
from onbox.watch.samples import Process, WatchSample
from onbox.watch.watcher import Tracker, Watcher


@pytest.fixture
def mapped(tmp_path: Path) -> Iterator[None]:
    """A file of the library's name among what this process maps."""
    path = tmp_path / "libnvidia-ptxjitcompiler.so.580.159.04"
    path.write_bytes(bytes(mmap.PAGESIZE))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ):
        yield


def spinning(seconds: int, loaded_at: int | None = None) -> list[Assessment]:
    """The verdicts on a process that uses one core and does nothing else."""
    tracker = Tracker(phase="capture")
    return [
        tracker.take(
            WatchSample(
                t_ns=at * 10**9,
                processes=(Process(7, "worker", "own", "R", float(at), 0, 1, 10_000_000, 0, 0, 0, 0),),
                ptx_compiler=at == loaded_at,
            )
        )
        for at in range(seconds)
    ]


@pytest.mark.usefixtures("mapped")
def test_the_library_is_found_among_what_a_process_maps() -> None:
    assert ptx_compiler_loaded([os.getpid()])


def test_a_process_without_it_and_one_that_is_gone_have_none() -> None:
    assert not ptx_compiler_loaded([os.getpid(), 2**31 - 1])


@pytest.mark.usefixtures("mapped")
@pytest.mark.parametrize(("spin", "looked"), [(1.0, True), (0.0, False)])
def test_it_is_looked_for_while_processor_time_alone_moves(spin: float, looked: bool) -> None:
    watcher = Watcher(Collector(Target(pids=(os.getpid(),))), Tracker())
    try:
        watcher.tick()
        watcher.tracker.signs.spin = spin
        _, sample = watcher.tick()
    finally:
        watcher.close()
    assert sample.ptx_compiler is looked


def test_a_spin_with_it_says_so_and_one_without_does_not() -> None:
    plain, with_compiler = spinning(20), spinning(20, loaded_at=6)
    assert plain[-1].state is with_compiler[-1].state is WatchState.SUSPECT
    assert "PTX" not in plain[-1].why
    assert with_compiler[-1].why.endswith(f"; {PTX_COMPILER}")


def test_a_recording_keeps_it() -> None:
    sample = WatchSample(t_ns=1, ptx_compiler=True)
    assert WatchSample.from_json(sample.to_json()).ptx_compiler
    assert not sample.silent
    assert "ptx_compiler" not in WatchSample(t_ns=1).to_json()
