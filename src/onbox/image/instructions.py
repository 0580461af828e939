"""Whether the code for a chip multiplies FP4 itself: its instructions, listed by CUDA's own disassembler.

Names of instructions, by compiling each form of PTX with nvcc 13.5 (tests/nvcc): `mma.sync` with `kind::mxf4` and
`kind::mxf4nvf4` become OMMA on sm_120a and sm_121a, `tcgen05.mma` with `kind::mxf4` becomes UTCOMMA on sm_100a. E2M1
operands under `kind::f8f6f4` become QMMA and UTCQMMA: they are multiplied at the rate of FP8, and do not count.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from onbox.box.gpu_arch import Arch, ChipSupport

DISASSEMBLER, ITS_HELPER = "cuobjdump", "nvdisasm"
PLACES = ("/usr/local/cuda/bin", "/opt/cuda/bin")
FP4_INSTRUCTIONS = ("OMMA", "UTCOMMA")
LIMIT_S = 900.0
"""Of one file; large libraries take minutes."""
NOT_ASKED = "not looked at: --instructions does, with the cuobjdump and nvdisasm of CUDA"
_FUNCTION = re.compile(r"^\s*Function : (\S+)")
_INSTRUCTION = re.compile(r"^\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\d\s+)?([A-Z0-9]+)")


@dataclass(frozen=True)
class Fp4:
    """What the code for a chip was seen to do with FP4."""

    native: bool | None = None
    """Whether a kernel multiplies FP4 itself; None where that is not known, and `why` says why."""
    kernels: int = 0
    """That do."""
    kernels_read: int = 0
    instructions: dict[str, int] = field(default_factory=dict)
    """Name -> how many there are."""
    by: str = ""
    """The disassembler, with its release."""
    why: str = NOT_ASKED

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "native": self.native, "kernels": self.kernels, "kernels_read": self.kernels_read,
            "instructions": self.instructions, "by": self.by or None, "why": self.why or None,
        }  # fmt: skip


@dataclass(frozen=True)
class Disassembler:
    """CUDA's `cuobjdump`, which needs `nvdisasm` beside it."""

    path: Path
    release: str

    def fp4(self, file: Path | IO[bytes], archs: Iterable[Arch]) -> Fp4:
        """Look through the binary code of a file for these architectures.

        Args:
            file: its path, or the file itself, opened.
        """
        found = Fp4(native=False, by=self.release, why="")
        for arch in archs:
            found = together(found, self._of_one(file, arch))
        return found

    def _of_one(self, file: Path | IO[bytes], arch: Arch) -> Fp4:
        number = -1 if isinstance(file, Path) else file.fileno()
        name = str(file) if isinstance(file, Path) else f"/dev/fd/{number}"
        with (
            tempfile.TemporaryFile() as errors,
            subprocess.Popen(
                [str(self.path), "--dump-sass", "--gpu-architecture", str(arch), name],
                stdout=subprocess.PIPE, stderr=errors, pass_fds=[] if number < 0 else [number], text=True,
                errors="replace", env=self._environment(),
            ) as program,
        ):  # fmt: skip
            assert program.stdout is not None
            counting = _Counting()
            deadline_s = time.monotonic() + LIMIT_S
            late = False
            try:
                for line in program.stdout:
                    counting.take(line)
                    if late := time.monotonic() > deadline_s:
                        break
            finally:
                if late or program.poll() is None:
                    program.kill()
            code = program.wait()
            errors.seek(0)
            words = errors.read(1 << 16).decode("utf-8", "replace").strip().splitlines()
        why = ""
        if late:
            why = f"{arch}: not read to its end within {LIMIT_S:.0f} s"
        elif code or not counting.kernels_read:
            why = f"{arch}: {DISASSEMBLER} lists no instruction: {words[-1][:160] if words else f'exit code {code}'}"
        return counting.found(self.release, why)

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self.path.parent}{os.pathsep}{os.environ.get('PATH', '')}"}


class _Counting:
    """Counts instructions by kernel, line by line."""

    def __init__(self) -> None:
        self.kernels_read = 0
        self._kernels = 0
        self._in_this = False
        self._instructions: Counter[str] = Counter()

    def take(self, line: str) -> None:
        """One line of a listing."""
        if _FUNCTION.match(line):
            self.kernels_read += 1
            self._in_this = False
        elif (match := _INSTRUCTION.match(line)) and match[1] in FP4_INSTRUCTIONS:
            self._instructions[match[1]] += 1
            self._kernels += not self._in_this
            self._in_this = True

    def found(self, by: str, why: str) -> Fp4:
        """What was seen; one that is there is there, whatever could not be read."""
        native = True if self._kernels else None if why else False
        return Fp4(native, self._kernels, self.kernels_read, dict(self._instructions), by, why)


def together(one: Fp4, other: Fp4) -> Fp4:
    """Two parts as one: seen in either is seen; none is only said where both were read."""
    natives = {one.native, other.native}
    return Fp4(
        True if True in natives else None if None in natives else False,
        one.kernels + other.kernels,
        one.kernels_read + other.kernels_read,
        dict(Counter(one.instructions) + Counter(other.instructions)),
        one.by or other.by,
        "; ".join(dict.fromkeys(each for each in (one.why, other.why) if each)),
    )


def find_disassembler(which: Callable[..., str | None] = shutil.which) -> Disassembler | None:
    """That of the CUDA toolkit on PATH, in CUDA_HOME, or in its usual place; None where it is not complete."""
    home = os.environ.get("CUDA_HOME", "")
    path = os.pathsep.join((os.environ.get("PATH", ""), *([f"{home}/bin"] if home else []), *PLACES))
    found = which(DISASSEMBLER, path=path)
    if found is None or which(ITS_HELPER, path=os.pathsep.join((str(Path(found).parent), path))) is None:
        return None
    output = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    release = re.search(r"release ([\d.]+)", output)
    return Disassembler(Path(found), f"{DISASSEMBLER} {release[1] if release else 'of unknown release'}")


def archs_to_read(archs: Iterable[Arch], chip: int | None) -> tuple[Arch, ...]:
    """The binary code that a chip would run as it is; all of it where no chip is known."""
    binaries = [each for each in archs if not each.ptx and each.suffix != "?"]
    return tuple(each for each in binaries if chip is None or each.on(chip) is ChipSupport.NATIVE)
