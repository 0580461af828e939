"""Which chips the binaries of a file or an image are for, and what that means on a chip: read, never run."""

import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from onbox.box.gpu_arch import ChipSupport
from onbox.errors import UsageError
from onbox.image.daemon import Daemon
from onbox.image.gpu_code import GpuCode, may_hold_code, read_gpu_code, read_open_file
from onbox.image.instructions import Disassembler, Fp4, archs_to_read, together
from onbox.image.layers import as_buffered, read_archive
from onbox.image.manifest import Platform, this_platform

MIXED, NO_GPU_CODE, WRONG_MACHINE = "mixed", "no_gpu_code", "wrong_machine"
HEAD_BYTES = 16
MEMORY_BYTES = 8 << 20


@dataclass(frozen=True)
class GpuFile:
    """One file with GPU code."""

    path: str
    code: GpuCode
    fp4: Fp4 | None = None
    """What its instructions tell; None where they were not looked at."""

    def verdict(self, chip: int | None) -> str:
        """What it means on a chip."""
        return verdict_of([self.code], chip)


@dataclass(frozen=True)
class VerifiedImage:
    """What a file or an image holds."""

    subject: str
    chip: int | None
    """Like 121; None where it is not known: then there is no verdict."""
    files: tuple[GpuFile, ...]
    files_read: int
    platform: str = ""
    """Of an image, as its configuration tells."""
    machines: dict[str, int] = field(default_factory=dict)
    """Processor -> how many programs and libraries are for it."""
    wanted: Platform = field(default_factory=this_platform)
    listed_by: str = ""
    """What listed instructions; empty where nothing did."""

    @property
    def archs(self) -> tuple[str, ...]:
        """All architectures that there is code for."""
        found = {each for file in self.files for each in file.code.archs}
        return tuple(str(each) for each in sorted(found))

    @property
    def right_machine(self) -> bool | None:
        """Whether the host programs are for this box's processor; None where nothing tells."""
        machines = set(self.machines)
        if self.platform:
            machines.add(self.platform.split("/")[1])
        # An image for amd64 may hold a stray library for another machine: one that fits is enough.
        return (
            self.wanted.architecture in machines
            if not self.platform
            else (self.platform.split("/")[1] == self.wanted.architecture)
            if machines
            else None
        )

    @property
    def modules(self) -> dict[ChipSupport, int]:
        """How many modules run how on the chip; empty where the chip is not known."""
        counts: dict[ChipSupport, int] = {}
        if self.chip is not None:
            for file in self.files:
                for runs, count in file.code.on(self.chip).items():
                    counts[runs] = counts.get(runs, 0) + count
        return counts

    @property
    def verdict(self) -> str:
        """`native`, `jit`, `will_not_run`, `mixed`, `no_gpu_code`, `wrong_machine` or `unknown`."""
        if self.right_machine is False:
            return WRONG_MACHINE
        return verdict_of([each.code for each in self.files], self.chip)

    @property
    def fp4(self) -> Fp4:
        """What the code that this chip runs as it is does with FP4, of all files together."""
        read = [each.fp4 for each in self.files if each.fp4 is not None]
        nothing = Fp4(by=self.listed_by, why="it contains no binary code for this chip") if self.listed_by else Fp4()
        return functools.reduce(together, read) if read else nothing

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "subject": self.subject,
            "verdict": self.verdict,
            "chip": f"{self.chip // 10}.{self.chip % 10}" if self.chip is not None else None,
            "arch": list(self.archs),
            "platform": self.platform or None,
            "machines": self.machines,
            "modules": {str(runs): count for runs, count in self.modules.items()},
            "fp4": self.fp4.as_dict(),
            "files_read": self.files_read,
            "files": [
                {
                    "path": each.path,
                    "verdict": each.verdict(self.chip),
                    "arch": [str(arch) for arch in each.code.archs],
                    "modules": len(each.code.modules),
                    "unknown": list(each.code.unknown)
                    + [why for module in each.code.modules for why in module.unknown],
                }
                for each in self.files
            ],
        }


def verdict_of(codes: list[GpuCode], chip: int | None) -> str:
    """One word for all modules together; where they differ, `mixed`, and never the best of them."""
    if not any(each.holds_any for each in codes):
        return NO_GPU_CODE
    if chip is None:
        return str(ChipSupport.UNKNOWN)
    kinds = {runs for each in codes for runs in each.on(chip)}
    if len(kinds) == 1:
        return str(kinds.pop())
    if kinds == {ChipSupport.NATIVE, ChipSupport.JIT}:
        return str(ChipSupport.JIT)
    return str(ChipSupport.UNKNOWN) if ChipSupport.NOT not in kinds else MIXED


@dataclass(frozen=True)
class InstructionListing:
    """Instructions are looked at too.

    Args:
        by: what lists them.
        chip: only code that runs on it as it is; None: all binary code.
    """

    by: Disassembler
    chip: int | None

    def of(self, file: Path | IO[bytes], code: GpuCode) -> Fp4 | None:
        """Of one file; None where it holds no such code."""
        archs = archs_to_read(code.archs, self.chip)
        return self.by.fp4(file, archs) if archs else None


class ImageReader:
    """Looks at the files of an image; counts what it read."""

    def __init__(
        self, on_file: Callable[[str], None] = lambda path: None, listing: InstructionListing | None = None
    ) -> None:
        self.files_read = 0
        self._on_file = on_file
        self._listing = listing

    def inspect_file(self, path: str, size: int, file: IO[bytes]) -> GpuFile | None:
        """GPU code and processor of one file; None for one that is no program."""
        if size < HEAD_BYTES:
            return None
        head = as_buffered(file)
        if not may_hold_code(head.peek(HEAD_BYTES)[:HEAD_BYTES], path):
            return None
        self.files_read += 1
        self._on_file(path)
        # Mapped and not held: a library of torch is larger than what this process may take.
        with tempfile.TemporaryFile(prefix="onbox-") as copy:
            while chunk := head.read(1 << 20):
                copy.write(chunk)
            copy.flush()
            code = read_open_file(copy, path.rpartition("/")[2])
            fp4 = self._listing.of(copy, code) if self._listing else None
        return GpuFile(path, code, fp4) if code.holds_any or code.machine else None


def verify_file(path: Path, chip: int | None, listing: InstructionListing | None = None) -> VerifiedImage:
    """A shared object, program, cubin, fat binary or PTX.

    Raises:
        UsageError: it is not there, or holds no code of any kind.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "name a file or an image") from error
    if not may_hold_code(head, path.name) and path.suffix not in (".a", ".o", ".fatbin"):
        raise UsageError(
            f"{path}: neither ELF nor fat binary nor PTX", "name a library, a program, a .cubin or an image"
        )
    code = read_gpu_code(path)
    fp4 = listing.of(path, code) if listing else None
    files = (GpuFile(str(path), code, fp4),) if code.holds_any else ()
    return VerifiedImage(
        str(path), chip, files, 1, machines={code.machine: 1} if code.machine else {},
        listed_by=listing.by.release if listing else "",
    )  # fmt: skip


def verify_archive(
    stream: IO[bytes],
    subject: str,
    chip: int | None,
    on_file: Callable[[str], None] = lambda path: None,
    listing: InstructionListing | None = None,
) -> VerifiedImage:
    """An image as `docker save` or `onbox image export` writes it.

    Raises:
        BadSubjectError: it is broken, or none.
    """
    reader = ImageReader(on_file, listing)
    contents = read_archive(stream, reader.inspect_file, subject)
    machines: dict[str, int] = {}
    for each in contents.files.values():
        if each.code.machine:
            machines[each.code.machine] = machines.get(each.code.machine, 0) + 1
    files = tuple(each for _, each in sorted(contents.files.items()) if each.code.holds_any)
    platform_named = f"{contents.config.get('os', '')}/{contents.config.get('architecture', '')}"
    platform = platform_named if contents.config.get("architecture") else ""
    by = listing.by.release if listing else ""
    return VerifiedImage(subject, chip, files, reader.files_read, platform, machines, listed_by=by)


def verify_image(
    daemon: Daemon,
    name: str,
    chip: int | None,
    on_file: Callable[[str], None] = lambda path: None,
    listing: InstructionListing | None = None,
) -> VerifiedImage:
    """An image that the daemon has; no container is made.

    Raises:
        UsageError: it is not here.
        BoxError: the daemon cannot save it.
        BadSubjectError: it is broken.
    """
    if daemon.image(name) is None:
        raise UsageError(f"{name}: no such file, and {daemon.program} has no such image", f"onbox image fetch {name}")
    with daemon.saved(name) as archive:
        return verify_archive(archive, name, chip, on_file, listing)
