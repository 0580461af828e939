"""Compilers of kernels at work for a stand-up, and the file that they compile: known by name and command line."""

import os
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from onbox.watch.samples import Process

COMPILERS = frozenset({"cc1", "cc1plus", "cicc", "ptxas", "nvcc", "ninja", "fatbinary", "cudafe++", "as", "ld", "lld"})
SOURCES = (".cu", ".cpp", ".cc", ".cxx", ".c", ".cuh", ".hip", ".ptx", ".s", ".S", ".ll", ".ii")
ORIGINAL = ("--orig_src_path_name", "--orig_src_file_name")
"""How nvcc tells cicc and cudafe++ the file that the user named; their own input is a temporary one."""
NOT_A_SOURCE = frozenset({"-o", "-include", "-MF", "-MT", "-MQ", "-dumpbase", "-dumpbase-ext", "-dumpdir"})
"""Options whose value may look like a source."""
TEMPORARY = re.compile(r"^tmpxft_[0-9a-f]+_[0-9a-f]+-\d+_")
"""What nvcc puts before the name of a file that it made itself."""
MOST_TELLING = ("cicc", "cc1plus", "cc1", "cudafe++", "nvcc", "ptxas", "as")
COMMAND_BYTES = 1 << 16
OF_KERNELS = frozenset({"nvcc", "cicc", "cudafe++", "cc1plus", "ninja"})
"""Not cc1: Triton has a stub in C compiled for each kernel that it makes itself."""
PTXAS_S = 3.0
"""Processor time from which an assembler by itself counts too: Triton runs one for a moment again and again."""
LONG_RUNNING_S = 5.0
"""For so long compilers have to be seen, one after another, before a phase is theirs."""
GONE_S = 3.0
"""For so long none may be seen before the phase is over."""


def source_of(argv: Sequence[str]) -> str:
    """The source file that a compiler's command line names, without its folder; empty where it names none.

    Args:
        argv: with the program first.
    """
    for option in ORIGINAL:
        if option in argv[:-1]:
            return os.path.basename(argv[argv.index(option) + 1])
    named = [
        word
        for before, word in pairwise(argv)
        if word.endswith(SOURCES) and not word.startswith("-") and before not in NOT_A_SOURCE
    ]
    names = [os.path.basename(word) for word in named]
    own = [name for name in names if not TEMPORARY.match(name)]
    return TEMPORARY.sub("", (own or names or [""])[-1])


def source_at_work(compilers: Iterable[tuple[int, str]]) -> str:
    """The file that these processes compile; empty where their command lines do not tell.

    Args:
        compilers: (pid, name) of each; the one that does most of the work is asked first.
    """
    ranked = sorted(compilers, key=lambda each: MOST_TELLING.index(each[1]) if each[1] in MOST_TELLING else 99)
    return next((found for pid, _ in ranked if (found := source_of(_command(pid)))), "")


def _command(pid: int) -> list[str]:
    try:
        with open(f"/proc/{pid}/cmdline", "rb", buffering=0) as file:
            return [os.fsdecode(word) for word in file.read(COMMAND_BYTES).split(b"\0") if word]
    except OSError:
        return []


def compile_kernels(processes: Iterable[Process]) -> bool:
    """Whether these processes compile kernels, or an extension, from their source."""
    return any(
        each.state != "Z" and (each.name in OF_KERNELS or (each.name == "ptxas" and each.cpu_s >= PTXAS_S))
        for each in processes
    )


class KernelPhase:
    """Whether compilers of kernels have been at work for long enough to be what the stand-up is busy with."""

    def __init__(self) -> None:
        self.since_s: float | None = None
        """When the first of them was seen; None: nothing is compiled now, or only for a moment."""
        self._first_s: float | None = None
        self._last_s = float("-inf")

    def take(self, compiling: bool, now_s: float) -> None:
        """Take in one look."""
        if compiling:
            self._first_s = now_s if self._first_s is None else self._first_s
            self._last_s = now_s
        elif now_s - self._last_s >= GONE_S:
            self._first_s = None
        long = self._first_s is not None and self._last_s - self._first_s >= LONG_RUNNING_S
        self.since_s = self._first_s if long else None
