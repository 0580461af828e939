"""Kernels that multiply FP4 in each way there is, compiled by nvcc, and told apart by their instructions."""

import json
import subprocess
from pathlib import Path

import pytest

from onbox.app.images import verify_container_image
from onbox.errors import BoxError
from onbox.image import instructions
from onbox.image.instructions import FP4_INSTRUCTIONS, find_disassembler
from tests.parts import CUDA_BIN

pytestmark = [pytest.mark.nvcc, pytest.mark.timeout(180)]

REGISTERS = '"+f"(c[0]),"+f"(c[1]),"+f"(c[2]),"+f"(c[3]) : "r"(a[0]),"r"(a[1]),"r"(a[2]),"r"(a[3]),"r"(b[0]),"r"(b[1])'
FRAGMENTS = "{%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3}"
MMA = """
extern "C" __global__ void NAME(float* d, const unsigned* a, const unsigned* b, const unsigned* s) {
  float c[4] = {0, 0, 0, 0}; unsigned short z = 0;
  asm volatile("mma.sync.aligned.%s" : %s);
  d[threadIdx.x] = c[0] + c[1] + c[2] + c[3];
}
"""
SCALED = f"{FRAGMENTS},{{%%10}},{{%%12,%%12}},{{%%11}},{{%%12,%%12}};".replace("%%", "%")
SOURCES = {
    "mxf4": MMA.replace("NAME", "mxf4") % (
        f"m16n8k64.row.col.kind::mxf4.block_scale.scale_vec::2X.f32.e2m1.e2m1.f32.ue8m0 {SCALED}",
        f'{REGISTERS},"r"(s[0]),"r"(s[1]),"h"(z)',
    ),
    "nvf4": MMA.replace("NAME", "nvf4") % (
        f"m16n8k64.row.col.kind::mxf4nvf4.block_scale.scale_vec::4X.f32.e2m1.e2m1.f32.ue4m3 {SCALED}",
        f'{REGISTERS},"r"(s[0]),"r"(s[1]),"h"(z)',
    ),
    "at_the_rate_of_fp8": MMA.replace("NAME", "f8f6f4") % (
        f"m16n8k32.row.col.kind::f8f6f4.f32.e2m1.e2m1.f32 {FRAGMENTS};", REGISTERS
    ),
    "converted": """
extern "C" __global__ void converted(unsigned short* d, const float* a) {
  unsigned short r;
  asm volatile("{.reg .b8 t; cvt.rn.satfinite.e2m1x2.f32 t, %1, %2; cvt.u16.u8 %0, t;}" : "=h"(r) :
               "f"(a[0]), "f"(a[1]));
  d[threadIdx.x] = r;
}
""",
    "tcgen05": """
extern "C" __global__ void plain(float* d) { d[threadIdx.x] += 1; }
extern "C" __global__ void tcgen(unsigned long a, unsigned long b, unsigned i, unsigned d, unsigned x, unsigned y) {
  asm volatile("{.reg .pred p; setp.ne.u32 p, 1, 0; tcgen05.mma.cta_group::1.kind::mxf4.block_scale.scale_vec::2X "
               "[%0], %1, %2, %3, [%4], [%5], p;}" :: "r"(d), "l"(a), "l"(b), "r"(i), "r"(x), "r"(y));
}
""",
}  # fmt: skip


def compiled(folder: Path, kind: str, *chips: str) -> Path:
    source, target = folder / f"{kind}.cu", folder / f"lib{kind}.so"
    source.write_text(SOURCES[kind])
    codes = [word for each in chips for word in ("-gencode", f"arch=compute_{each},code=sm_{each}")]
    subprocess.run([str(CUDA_BIN / "nvcc"), "-shared", "-cudart", "none", "-Xcompiler", "-fPIC", *codes, "-o",
                    str(target), str(source)], check=True)  # fmt: skip
    return target


@pytest.fixture(autouse=True)
def _toolkit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_HOME", str(CUDA_BIN.parent))


@pytest.mark.parametrize(
    ("kind", "arch", "chip", "observation"),
    [
        ("mxf4", "121a", "12.1", {"OMMA": 1}),
        ("mxf4", "120a", "12.0", {"OMMA": 1}),
        ("nvf4", "121a", "12.1", {"OMMA": 1}),
        ("tcgen05", "100a", "10.0", {"UTCOMMA": 1}),
        ("at_the_rate_of_fp8", "121a", "12.1", {}),
        ("converted", "121a", "12.1", {}),
    ],
)
def test_what_multiplies_fp4(tmp_path: Path, kind: str, arch: str, chip: str, observation: dict[str, int]) -> None:
    found = verify_container_image(str(compiled(tmp_path, kind, arch)), chip=chip, instructions=True)
    assert found.verdict == "native"
    assert found.fp4.native is bool(observation)
    assert found.fp4.instructions == observation
    assert found.fp4.kernels == len(observation)
    assert found.fp4.kernels_read == (2 if kind == "tcgen05" else 1)
    assert found.fp4.by.startswith("cuobjdump 1")
    assert set(observation) <= set(FP4_INSTRUCTIONS)


def test_code_for_another_chip_does_not_count(tmp_path: Path) -> None:
    library = compiled(tmp_path, "mxf4", "120a", "121a")
    assert verify_container_image(str(library), chip="12.1", instructions=True).fp4.kernels_read == 1
    found = verify_container_image(str(library), chip="9.0", instructions=True)
    assert found.fp4.native is None
    assert found.fp4.why == "it contains no binary code for this chip"
    assert found.verdict == "will_not_run"


def test_without_being_asked_nothing_is_claimed(tmp_path: Path) -> None:
    found = verify_container_image(str(compiled(tmp_path, "mxf4", "121a")), chip="12.1").as_dict()["fp4"]
    assert found["native"] is None
    assert "--instructions" in found["why"]
    json.dumps(found)


def test_one_that_cannot_be_listed_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = compiled(tmp_path, "converted", "121a")
    by = find_disassembler()
    assert by is not None
    monkeypatch.setattr(instructions, "LIMIT_S", -1.0)
    found = verify_container_image(str(library), chip="12.1", instructions=True)
    assert found.fp4.native is None
    assert "not read to its end" in found.fp4.why


def test_no_disassembler_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = compiled(tmp_path, "converted", "121a")
    monkeypatch.delenv("CUDA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(instructions, "PLACES", ())
    with pytest.raises(BoxError, match="no cuobjdump and nvdisasm here"):
        verify_container_image(str(library), chip="12.1", instructions=True)
