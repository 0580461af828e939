"""Compilers of kernels at work: the file they compile, and the phase that is theirs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from onbox.watch.collect import Collector, Target
from onbox.watch.compilers import source_of
from onbox.watch.recording import WatchRecording
from onbox.watch.recording_library import find_recording
from onbox.watch.samples import Process, WatchSample
from onbox.watch.watcher import Tracker
from tests.doubles.waiting import until

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


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_the_file_that_a_real_compiler_works_on_is_seen(tmp_path: Path) -> None:
    deep = "template<int N> struct F { static constexpr long v = F<N-1>::v + F<N-2>::v; };\n"
    many = "".join(f"template<> struct F<{n}> {{ static constexpr long v = {n}; }};\n" for n in (0, 1))
    body = "".join(f"template<int> struct G{n} {{ long a[{n}+1]; }}; template struct G{n}<1>;\n" for n in range(60_000))
    (tmp_path / "kernel.cpp").write_text(deep + many + body)
    with subprocess.Popen(
        ["g++", "-c", "kernel.cpp", "-o", os.devnull], cwd=tmp_path, start_new_session=True
    ) as compiler:
        collector = Collector(Target(pids=(compiler.pid,)))
        try:
            found = until(lambda: collector.sample().compiling)
        finally:
            collector.close()
            os.killpg(compiler.pid, 9)
    assert found == "kernel.cpp"


def test_a_compiler_whose_command_line_is_not_there_yet_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the moment that a process has its name and the one that it has its words."""
    (tmp_path / "cc1plus").symlink_to(shutil.which("sleep") or "sleep")
    said = iter(["", "", "kernel.cpp"])
    monkeypatch.setattr("onbox.watch.collect.source_at_work", lambda found: next(said) if found else "")
    with subprocess.Popen([str(tmp_path / "cc1plus"), "60"]) as compiler:
        collector = Collector(Target(pids=(compiler.pid,)))
        try:
            assert until(lambda: collector.sample().compiling) == "kernel.cpp"
            assert collector.sample().compiling is None, "it is told once"
        finally:
            collector.close()
            compiler.kill()


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
        told = [looks(at=n, line=self.MODEL if n == 1 else "") for n in range(10)]
        told += [looks("ninja", "nvcc", "cicc", at=n) for n in range(10, 30)]
        told += [looks(at=n) for n in range(30, 40)]
        assert laps(*told) == [("start", 0.0), ("compile", 1.0), ("kernels", 10.0), ("compile", 32.0)]

    def test_what_it_compiles_is_said(self) -> None:
        tracker = Tracker()
        for n in range(20):
            verdict = tracker.take(looks("cicc", at=n, line=self.MODEL if n == 1 else ""))
        assert verdict.phase == "kernels"
        assert verdict.why.startswith("cicc at sampling.cu, ")
        assert verdict.evidence["compiling"] == "sampling.cu"

    def test_an_assembler_for_a_moment_is_none(self) -> None:
        told = (looks("ptxas", at=n, line=self.MODEL if n == 1 else "") for n in range(20))
        assert [name for name, _ in laps(*told)] == ["start", "compile"]

    def test_before_the_log_has_named_a_phase_it_may_be_any_build(self) -> None:
        assert [name for name, _ in laps(*(looks("cicc", at=n) for n in range(20)))] == ["start"]

    def test_a_server_that_answers_ends_it(self) -> None:
        told = [looks("cicc", at=n, line=self.MODEL if n == 1 else "") for n in range(20)]
        told.append(looks("cicc", at=20, line="INFO:     Application startup complete."))
        assert laps(*told)[-1] == ("serving", 20.0)


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
