"""Architectures out of ELF and fat binaries made by hand, and what they mean on a chip."""

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onbox.box.gpu_arch import Arch, ChipSupport, chip_number, parse_arch
from onbox.errors import UsageError
from onbox.image.gpu_code import GpuCode, Module, read_gpu_code
from onbox.image.verify import verdict_of

A, F, COMPRESSED = 0x100000, 0x200000, 0x8000


def entry(
    number: int, flags: int = 0, *, ptx: bool = False, payload: bytes = b"x" * 16, kind: int | None = None
) -> bytes:
    header = bytearray(64)
    struct.pack_into("<HHIQ", header, 0, kind or (1 if ptx else 2), 0x101, 64, len(payload))
    struct.pack_into("<I", header, 28, number)
    struct.pack_into("<Q", header, 40, flags | 0x11)
    return bytes(header) + payload


def fatbin(*entries: bytes) -> bytes:
    body = b"".join(entries)
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(body)) + body


def read(tmp_path: Path, raw: bytes, name: str = "f.fatbin") -> GpuCode:
    path = tmp_path / name
    path.write_bytes(raw)
    return read_gpu_code(path)


def names(code: GpuCode) -> list[str]:
    return [str(each) for each in code.archs]


class TestFatBinaries:
    def test_suffixes_are_distinguished(self, tmp_path: Path) -> None:
        code = read(tmp_path, fatbin(entry(121), entry(121, A), entry(120, F), entry(90, A), entry(80, ptx=True)))
        assert names(code) == ["compute_80", "sm_90a", "sm_120f", "sm_121", "sm_121a"]
        assert len(code.modules) == 1

    def test_a_compressed_entry_is_reported_by_its_header(self, tmp_path: Path) -> None:
        assert names(read(tmp_path, fatbin(entry(121, A | COMPRESSED, payload=b"\x28\xb5\x2f\xfd...")))) == ["sm_121a"]

    def test_each_container_is_a_module(self, tmp_path: Path) -> None:
        code = read(tmp_path, fatbin(entry(90, A)) + fatbin(entry(121, A)) + fatbin())
        assert code.on(121) == {ChipSupport.NOT: 1, ChipSupport.NATIVE: 1}

    def test_what_is_not_known_is_unknown(self, tmp_path: Path) -> None:
        code = read(tmp_path, fatbin(entry(121, kind=8)))
        assert code.on(121) == {ChipSupport.UNKNOWN: 1}
        assert code.modules[0].unknown == ("an entry of kind 8 for 121",)

    def test_the_bare_magic_in_a_program_is_no_code(self, tmp_path: Path) -> None:
        assert not read(tmp_path, b"\0" * 64 + b"\x50\xed\x55\xba" + b"\0" * 64).holds_any

    @settings(max_examples=200, deadline=None)
    @given(at=st.integers(0, 200), value=st.integers(0, 255), cut=st.integers(0, 220))
    def test_a_broken_one_is_read_without_a_crash(
        self, tmp_path_factory: pytest.TempPathFactory, at: int, value: int, cut: int
    ) -> None:
        raw = bytearray(fatbin(entry(121, A), entry(90, ptx=True)))
        raw[at % len(raw)] = value
        path = tmp_path_factory.mktemp("broken") / "f.fatbin"
        path.write_bytes(bytes(raw[: max(16, len(raw) - cut)]))
        assert isinstance(read_gpu_code(path), GpuCode)

    def test_ptx_as_text(self, tmp_path: Path) -> None:
        text = b"//\n.version 9.0\n.target sm_121a\n.address_size 64\n"
        assert names(read(tmp_path, text, "k.ptx")) == ["compute_121a"]
        assert read(tmp_path, b"// nothing to be found here", "k.ptx").on(121) == {ChipSupport.UNKNOWN: 1}


@pytest.mark.parametrize(
    ("name", "chip", "runs"),
    [
        ("sm_121a", 121, ChipSupport.NATIVE),
        ("sm_121", 121, ChipSupport.NATIVE),
        ("sm_120", 121, ChipSupport.NATIVE),
        ("sm_120f", 121, ChipSupport.NATIVE),
        ("sm_120a", 121, ChipSupport.NOT),
        ("sm_121f", 120, ChipSupport.NOT),
        ("sm_121", 120, ChipSupport.NOT),
        ("sm_90a", 121, ChipSupport.NOT),
        ("sm_90a", 90, ChipSupport.NATIVE),
        ("sm_100f", 103, ChipSupport.NATIVE),
        ("sm_100f", 110, ChipSupport.NOT),
        ("sm_100", 121, ChipSupport.NOT),
        ("sm_80", 86, ChipSupport.NATIVE),
        ("sm_86", 87, ChipSupport.UNKNOWN),
        ("compute_80", 121, ChipSupport.JIT),
        ("compute_121", 120, ChipSupport.NOT),
        ("compute_90a", 121, ChipSupport.NOT),
        ("compute_121a", 121, ChipSupport.JIT),
        ("compute_120f", 121, ChipSupport.JIT),
        ("compute_100f", 121, ChipSupport.NOT),
    ],
)
def test_what_runs_where(name: str, chip: int, runs: ChipSupport) -> None:
    arch = parse_arch(name)
    assert arch is not None
    assert str(arch) == name
    assert arch.on(chip) is runs


def test_a_suffix_that_is_not_reported_is_unknown_elsewhere() -> None:
    assert Arch(120, "?").on(121) is ChipSupport.UNKNOWN
    assert Arch(121, "?").on(121) is ChipSupport.NATIVE
    assert Arch(90, "?").on(121) is ChipSupport.NOT


def test_the_verdict_is_never_the_best_of_several() -> None:
    native, other, jit = (GpuCode((Module((Arch(number, suffix, ptx),)),)) for number, suffix, ptx in
                          ((121, "a", False), (90, "a", False), (80, "", True)))  # fmt: skip
    odd = GpuCode((Module((), ("what is this",)),))
    assert verdict_of([native], 121) == "native"
    assert verdict_of([native, jit], 121) == "jit"
    assert verdict_of([native, other], 121) == "mixed"
    assert verdict_of([other], 121) == "will_not_run"
    assert verdict_of([native, odd], 121) == "unknown"
    assert verdict_of([native], None) == "unknown"
    assert verdict_of([], 121) == "no_gpu_code"


def test_chips_are_read() -> None:
    assert [chip_number(each) for each in ("12.1", "121", "sm_121a", "9.0", "sm_90")] == [121, 121, 121, 90, 90]
    for bad in ("", "gb10", "1", "12.1.2"):
        with pytest.raises(UsageError, match="not a compute capability"):
            chip_number(bad)
