"""Compilers of kernels at work: the file they compile, and the phase that is theirs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from onbox.watch.collect import Collector, Target
from tests.doubles.waiting import until


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_the_file_that_a_real_compiler_works_on_is_noticed(tmp_path: Path) -> None:
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
    message = iter(["", "", "kernel.cpp"])
    monkeypatch.setattr("onbox.watch.collect.source_at_work", lambda found: next(message) if found else "")
    with subprocess.Popen([str(tmp_path / "cc1plus"), "60"]) as compiler:
        collector = Collector(Target(pids=(compiler.pid,)))
        try:
            assert until(lambda: collector.sample().compiling) == "kernel.cpp"
            assert collector.sample().compiling is None, "it is told once"
        finally:
            collector.close()
            compiler.kill()
