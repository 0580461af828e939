"""Compilers of kernels at work: the file they compile, and the phase that is theirs."""

from pathlib import Path

import pytest

from onbox.watch.compilers import source_of
from onbox.watch.recording import WatchRecording
from onbox.watch.recording_library import find_recording
from onbox.watch.samples import Process, WatchSample
from onbox.watch.watcher import Tracker

CICC = (
    "/usr/local/cuda/nvvm/bin/cicc --c++17 --orig_src_file_name sampling.cu --orig_src_path_name "
    "/root/.cache/flashinfer/generated/sampling/sampling.cu -arch compute_90a --gen_c_file_name /tmp/tmpxft_1_s.c "
    "/tmp/tmpxft_00000001_00000000-7_sampling.cpp1.ii -o /tmp/tmpxft_00000001_00000000-6_sampling.ptx"
)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (CICC, "sampling.cu"),
        ("nvcc -O3 -std=c++17 -c /src/gen/renorm.cu -o renorm.cuda.o", "renorm.cu"),
        ("ptxas -arch=sm_90 -m64 /tmp/tmpxft_00000001_00000000-6_kern.ptx -o /tmp/tmpxft_1_00000000-8.cubin",
         "kern.ptx"),
        ("cc1plus -quiet -include cuda_runtime.h /src/binding.cpp -quiet -o /tmp/cc.s", "binding.cpp"),
        ("ninja -v -j 4", ""),
        ("cc1 -", ""),
        ("cicc --orig_src_file_name", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_a_command_line_names_its_source(command: str, expected: str) -> None:
    assert source_of(command.split()) == expected


def looks(*names: str, at: int, line: str = "") -> WatchSample:
    """A second of a stand-up, with compilers of these names at work."""
    engine = Process(1, "python3", "own", "S", float(at), at * 1000, 1, 10**9, 0, 0, at * 10**6, at * 100)
    rest = (Process(10 + n, name, "own", "R", 1.0, 0, 1, 10**6, 0, 0, 0, 0) for n, name in enumerate(names))
    return WatchSample(
        t_ns=at * 10**9, processes=(engine, *rest), log=(line,) if line else (), log_bytes=at,
        compiling="sampling.cu" if names else "",
    )  # fmt: skip


def laps(*samples: WatchSample) -> list[tuple[str, float]]:
    tracker = Tracker()
    for sample in samples:
        tracker.take(sample)
    return [(lap.name, lap.began_s) for lap in tracker.laps]


class TestPhase:
    MODEL = "INFO Model loading took 61.43 GiB memory and 3.8 seconds"

    def test_compilers_that_work_for_long_are_a_phase_between(self) -> None:
        lines = [looks(at=n, line=self.MODEL if n == 1 else "") for n in range(10)]
        lines += [looks("ninja", "nvcc", "cicc", at=n) for n in range(10, 30)]
        lines += [looks(at=n) for n in range(30, 40)]
        assert laps(*lines) == [("start", 0.0), ("compile", 1.0), ("kernels", 10.0), ("compile", 32.0)]

    def test_what_it_compiles_is_reported(self) -> None:
        tracker = Tracker()
        for n in range(20):
            verdict = tracker.take(looks("cicc", at=n, line=self.MODEL if n == 1 else ""))
        assert verdict.phase == "kernels"
        assert verdict.why.startswith("cicc at sampling.cu, ")
        assert verdict.evidence["compiling"] == "sampling.cu"

    def test_an_assembler_for_a_moment_is_none(self) -> None:
        result = (looks("ptxas", at=n, line=self.MODEL if n == 1 else "") for n in range(20))
        assert [name for name, _ in laps(*result)] == ["start", "compile"]

    def test_before_the_log_has_named_a_phase_it_may_be_any_build(self) -> None:
        assert [name for name, _ in laps(*(looks("cicc", at=n) for n in range(20)))] == ["start"]

    def test_a_server_that_answers_ends_it(self) -> None:
        lines = [looks("cicc", at=n, line=self.MODEL if n == 1 else "") for n in range(20)]
        lines.append(looks("cicc", at=20, line="INFO:     Application startup complete."))
        assert laps(*lines)[-1] == ("serving", 20.0)


def test_a_real_start_on_an_h200_by_phase() -> None:
    tracker = Tracker()
    for sample in WatchRecording(find_recording(Path("vllm-h200"))):
        tracker.take(sample)
    ends = [lap.began_s for lap in tracker.laps[1:]] + [tracker.signs.t_s]
    took = [(lap.name, round(end - lap.began_s)) for lap, end in zip(tracker.laps, ends, strict=True)]
    assert took == [
        ("start", 83), ("load", 5), ("compile", 37), ("kernels", 103), ("profile", 20), ("kv", 1),
        ("tune", 1), ("capture", 77), ("ready", 10), ("serving", 0),
    ]  # fmt: skip
    assert int(next(lap.began_s for lap in tracker.laps if lap.name == "capture")) == 249
