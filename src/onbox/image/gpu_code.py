"""Which GPU architectures a file holds code for: read from ELF and fat binary themselves, nothing is run.

Formats: ELF of CUDA (machine 190), its notes `.note.nv.tkinfo`, and the fat binary container that nvcc's `fatbinary`
writes into `.nv_fatbin` (layout found by experiment and held against `cuobjdump -lelf -lptx` in the tests).
"""

import io
import mmap
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from onbox.box.gpu_arch import BEST_FIRST, Arch, ChipSupport, parse_arch

ELF_MAGIC = b"\x7fELF"
EM_CUDA = 190
MACHINES = {62: "amd64", 183: "arm64", 243: "riscv64", 21: "ppc64le", 3: "386", 40: "arm"}
"""e_machine -> the name that images use."""
FATBIN_MAGIC = b"\x50\xed\x55\xba"
FATBIN_SECTIONS = (".nv_fatbin", "__nv_relfatbin")
CONTAINER = struct.Struct("<IHHQ")
ENTRY_BYTES_MIN = 64
PTX_KIND, ELF_KIND = 1, 2
FLAG_ARCH_SPECIFIC, FLAG_FAMILY = 0x100000, 0x200000
OSABI_OF_12 = 0x33
"""Of CUDA up to 12: the chip is in the low byte of e_flags. Later ones have it in the second."""
FLAG_ACCELERATORS = 0x800
"""In e_flags up to CUDA 12: built for `a`."""
_TKINFO_ARCH = re.compile(rb"-arch[ =](sm_\d{2,3}[af]?)\b")
_PTX_TARGET = re.compile(rb"^\s*\.target\s+(sm_\d{2,3}[af]?)", re.MULTILINE)
CUBIN_BYTES_MAX = 256 << 20


@dataclass(frozen=True)
class Module:
    """Code that is loaded together: one fat binary with its alternatives, or a lone cubin."""

    archs: tuple[Arch, ...]
    unknown: tuple[str, ...] = ()
    """What in it could not be read, in words."""

    def on(self, chip: int) -> ChipSupport:
        """The best of its alternatives on a chip."""
        found = {each.on(chip) for each in self.archs} | ({ChipSupport.UNKNOWN} if self.unknown else set())
        return next((each for each in BEST_FIRST if each in found), ChipSupport.UNKNOWN)


@dataclass(frozen=True)
class GpuCode:
    """What one file holds."""

    modules: tuple[Module, ...] = ()
    machine: str = ""
    """The processor that its host part is for; empty for GPU code alone."""
    unknown: tuple[str, ...] = field(default=())
    """What in the file could not be read."""

    @property
    def archs(self) -> tuple[Arch, ...]:
        """All, each once, in order."""
        return tuple(sorted({each for module in self.modules for each in module.archs}))

    @property
    def holds_any(self) -> bool:
        """Whether there is GPU code, or something that may be."""
        return bool(self.modules or self.unknown)

    def on(self, chip: int) -> dict[ChipSupport, int]:
        """How many of its modules run how on a chip."""
        counts: dict[ChipSupport, int] = {}
        for module in self.modules:
            runs = module.on(chip)
            counts[runs] = counts.get(runs, 0) + 1
        if self.unknown:
            counts[ChipSupport.UNKNOWN] = counts.get(ChipSupport.UNKNOWN, 0) + len(self.unknown)
        return counts


def may_hold_code(head: bytes, name: str) -> bool:
    """Whether a file that begins like this is worth reading."""
    return head[:4] == ELF_MAGIC or head[:4] == FATBIN_MAGIC or name.endswith(".ptx")


def read_gpu_code(path: Path) -> GpuCode:
    """All GPU code of a file: a shared object, program, object file, archive, cubin, fat binary or PTX.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return read_open_file(file, path.name)


def read_open_file(file: IO[bytes], name: str) -> GpuCode:
    """As `read_gpu_code`, of a file that is open; it needs a file descriptor, as it is mapped and not read."""
    size = file.seek(0, io.SEEK_END)
    if size < 16:
        return GpuCode()
    if name.endswith(".ptx"):
        file.seek(0)
        return _ptx_text(file.read(64 << 10))
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:4] == ELF_MAGIC and _machine(data, 0) == EM_CUDA:
            module = _cubin(data, 0, size)
            return GpuCode(modules=(module,))
        machine = MACHINES.get(_machine(data, 0), "") if data[:4] == ELF_MAGIC else ""
        modules, unknown, ranges = _sections(data, file) if data[:4] == ELF_MAGIC else ([], [], [])
        elsewhere, odd = _scan(data, ranges)
        return GpuCode((*modules, *elsewhere), machine, (*unknown, *odd))


def _ptx_text(text: bytes) -> GpuCode:
    archs = [parse_arch(match[1].decode().replace("sm_", "compute_")) for match in _PTX_TARGET.finditer(text)]
    found = tuple(each for each in archs if each is not None)
    return GpuCode(modules=(Module(found),)) if found else GpuCode(unknown=("PTX without a .target",))


def _machine(data: mmap.mmap, at: int) -> int:
    machine: int = struct.unpack_from("<H", data, at + 18)[0] if len(data) >= at + 20 else 0
    return machine


# ------------------------------------------------------------ fat binaries


def _sections(data: mmap.mmap, file: IO[bytes]) -> tuple[list[Module], list[str], list[tuple[int, int]]]:
    """(modules, what could not be read, ranges of the file that were looked at) of the sections for GPU code."""
    modules: list[Module] = []
    unknown: list[str] = []
    ranges: list[tuple[int, int]] = []
    try:
        file.seek(0)
        elf = ELFFile(file)
        found = [
            (section.name, int(section["sh_offset"]), int(section["sh_size"]))
            for section in elf.iter_sections()
            if section.name in FATBIN_SECTIONS and section["sh_type"] != "SHT_NOBITS"
        ]
    except (ELFError, ValueError, KeyError, struct.error, UnicodeDecodeError, OverflowError, AssertionError) as error:
        # What scanning finds counts all the same.
        return [], [] if _no_sections(data) else [f"section headers: {error or type(error).__name__}"], []
    for name, begin, size in found:
        if begin + size > len(data):
            unknown.append(f"{name}: reaches past the end of the file")
            continue
        ranges.append((begin, begin + size))
        for each in _containers(data, begin, begin + size):
            if isinstance(each, Module):
                modules.append(each)
            else:
                unknown.append(f"{name}: {each}")
    return modules, unknown, ranges


def _no_sections(data: mmap.mmap) -> bool:
    """Whether the table of sections was stripped."""
    return len(data) >= 64 and data[4] == 2 and struct.unpack_from("<Q", data, 40)[0] == 0


def _containers(data: mmap.mmap, begin: int, end: int) -> Iterator[Module | str]:
    """Each fat binary of a section that holds nothing else, or why it cannot be read further."""
    at = begin
    while at + CONTAINER.size <= end:
        if data[at : at + 4] != FATBIN_MAGIC:
            if any(data[at : min(at + 8, end)]):
                yield f"no fat binary at {at - begin:#x}"
                return
            at += 8
            continue
        module, at, why = _container(data, at, end)
        if why:
            yield why
            return
        if module is not None:
            yield module


def _container(data: mmap.mmap, at: int, end: int) -> tuple[Module | None, int, str]:
    """(the module, None for an empty one; where it ends; why it cannot be read)."""
    _, version, header, size = CONTAINER.unpack_from(data, at)
    stop = at + header + size
    if version != 1 or header < CONTAINER.size or stop > end:
        return None, at, f"a fat binary of version {version} and {size:,} bytes that is not known"
    archs: list[Arch] = []
    unknown: list[str] = []
    entry = at + header
    while entry < stop:
        if entry + ENTRY_BYTES_MIN > stop:
            return None, at, "an entry that is cut off"
        kind, _, header_size, payload = struct.unpack_from("<HHIQ", data, entry)
        arch, why = _entry(data, entry, kind, header_size, payload)
        if header_size < ENTRY_BYTES_MIN or entry + header_size + payload > stop:
            return None, at, "an entry that reaches past its fat binary"
        if arch is not None:
            archs.append(arch)
        if why:
            unknown.append(why)
        entry += header_size + payload
    if not archs and not unknown:
        return None, stop, ""
    return Module(tuple(archs), tuple(unknown)), stop, ""


def _entry(data: mmap.mmap, at: int, kind: int, header_size: int, payload: int) -> tuple[Arch | None, str]:
    """(what an entry was built for, why that cannot be told). Its header tells, also of a compressed one."""
    (number,) = struct.unpack_from("<I", data, at + 28)
    (flags,) = struct.unpack_from("<Q", data, at + 40)
    if kind not in (PTX_KIND, ELF_KIND):
        return None, f"an entry of kind {kind} for {number}"
    if not 10 <= number <= 999:
        return None, f"an entry for {number}"
    suffix = "a" if flags & FLAG_ARCH_SPECIFIC else "f" if flags & FLAG_FAMILY else ""
    if kind == ELF_KIND and not suffix:
        inner = at + header_size
        # Older tools may not have set the flag: a cubin that lies open tells by itself.
        if data[inner : inner + 4] == ELF_MAGIC and payload <= CUBIN_BYTES_MAX:
            archs = _cubin(data, inner, payload).archs
            if archs and archs[0].number == number and archs[0].suffix in ("a", "f"):
                suffix = archs[0].suffix
    return Arch(number, suffix, kind == PTX_KIND), ""


# ------------------------------------------------------------ cubins


def _cubin(data: mmap.mmap, at: int, size: int) -> Module:
    """What one cubin was built for: by its tool's note, else by its flags, which know no suffix."""
    try:
        elf = ELFFile(io.BytesIO(data[at : at + min(size, CUBIN_BYTES_MAX)]))
        flags, abi = int(elf["e_flags"]), data[at + 7]
        note = elf.get_section_by_name(".note.nv.tkinfo")
        match = _TKINFO_ARCH.search(note.data()) if note is not None else None
    except (ELFError, ValueError, KeyError, struct.error, UnicodeDecodeError, OverflowError, AssertionError) as error:
        return Module((), (f"a cubin that cannot be read: {error or type(error).__name__}",))
    if match and (arch := parse_arch(match[1].decode())):
        return Module((arch,))
    if abi == OSABI_OF_12:
        number, suffix = flags & 0xFF, "a" if flags & FLAG_ACCELERATORS else ""
        return Module((Arch(number, suffix),)) if number >= 20 else Module((), (f"a cubin with flags {flags:#x}",))
    number = (flags >> 8) & 0xFF
    if number < 20:
        return Module((), (f"a cubin with flags {flags:#x}",))
    return Module((Arch(number, "?" if number >= 90 else ""),))


def _scan(data: mmap.mmap, ranges: list[tuple[int, int]]) -> tuple[list[Module], list[str]]:
    """Fat binaries and cubins outside of their sections: libraries carry them as plain data."""
    modules: list[Module] = []
    covered = sorted(ranges)

    def after_ranges(at: int) -> int:
        for begin, end in covered:
            if begin <= at < end:
                return end
        return at

    at = 0
    while (at := data.find(FATBIN_MAGIC, at)) >= 0:
        if (skipped := after_ranges(at)) != at:
            at = skipped
            continue
        module, stop, why = _container(data, at, len(data)) if at + CONTAINER.size <= len(data) else (None, at, "cut")
        if not why and module is not None:
            modules.append(module)
            covered = sorted([*covered, (at, stop)])
        # The magic is in every program that registers a fat binary, so a lone one means nothing.
        at = max(stop, at + 4)
    at = 4
    while (at := data.find(ELF_MAGIC, at)) >= 0:
        if (skipped := after_ranges(at)) != at:
            at = skipped
            continue
        if len(data) >= at + 64 and data[at + 4] == 2 and _machine(data, at) == EM_CUDA:
            modules.append(_cubin(data, at, _elf_size(data, at)))
        at += 4
    return modules, []


def _elf_size(data: mmap.mmap, at: int) -> int:
    """How far an embedded ELF reaches: to the end of its tables."""
    (sections,) = struct.unpack_from("<Q", data, at + 40)
    entry, count = struct.unpack_from("<HH", data, at + 58)
    (programs,) = struct.unpack_from("<Q", data, at + 32)
    p_entry, p_count = struct.unpack_from("<HH", data, at + 54)
    return int(min(max(sections + entry * count, programs + p_entry * p_count), len(data) - at))
