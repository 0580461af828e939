"""What nvcc made, read by us and by NVIDIA's own cuobjdump, one beside the other."""

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from onbox.box.gpu_arch import ChipSupport
from onbox.image.gpu_code import GpuCode, read_gpu_code
from tests.parts import CUDA_BIN

pytestmark = [pytest.mark.nvcc, pytest.mark.timeout(180)]

KERNEL = "__global__ void add(float* d, const float* a){ d[threadIdx.x] += a[threadIdx.x]; }\n"
LISTED = re.compile(r"\.sm_(\d+)([af]?)\.(cubin|ptx)$", re.MULTILINE)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kernels") / "add.cu"
    path.write_text(KERNEL)
    return path


def nvcc(source: Path, name: str, *options: str) -> Path:
    target = source.parent / name
    shared = ("-shared", "-cudart", "none", "-Xcompiler", "-fPIC") if name.endswith(".so") else ()
    subprocess.run([str(CUDA_BIN / "nvcc"), *shared, *options, "-o", str(target), str(source)], check=True)
    return target


def code_for(*pairs: str) -> list[str]:
    """`-gencode` for names like `121a` (binary) or `ptx80`."""
    words = []
    for each in pairs:
        number = each.removeprefix("ptx")
        kind = "compute" if each.startswith("ptx") else "sm"
        words += ["-gencode", f"arch=compute_{number},code={kind}_{number}"]
    return words


def by_cuobjdump(path: Path) -> Counter[tuple[str, int, str]]:
    listed = subprocess.run(
        [str(CUDA_BIN / "cuobjdump"), "-lelf", "-lptx", "-all", str(path)], capture_output=True, text=True, check=False
    ).stdout
    return Counter((kind, int(number), suffix) for number, suffix, kind in LISTED.findall(listed))


def by_us(code: GpuCode) -> Counter[tuple[str, int, str]]:
    """As cuobjdump tells it, which has no word for a family."""
    return Counter(
        ("ptx" if arch.ptx else "cubin", arch.number, arch.suffix.replace("f", ""))
        for module in code.modules
        for arch in module.archs
    )


@pytest.mark.parametrize(
    ("builds", "names"),
    [
        (["121a"], ["sm_121a"]),
        (["121"], ["sm_121"]),
        (["120a"], ["sm_120a"]),
        (["120f"], ["sm_120f"]),
        (["90a"], ["sm_90a"]),
        (["ptx80"], ["compute_80"]),
        (["ptx121a"], ["compute_121a"]),
        (["121a", "90a", "ptx90"], ["compute_90", "sm_90a", "sm_121a"]),
        (["121", "121a", "120f", "100a"], ["sm_100a", "sm_120f", "sm_121", "sm_121a"]),
    ],
)
@pytest.mark.parametrize("packed", ["size", "none"])
def test_a_library_is_read_as_cuobjdump_reads_it(
    source: Path, builds: list[str], names: list[str], packed: str
) -> None:
    path = nvcc(source, f"lib{'-'.join(builds)}-{packed}.so", "--compress-mode", packed, *code_for(*builds))
    code = read_gpu_code(path)
    assert [str(each) for each in code.archs] == names
    assert code.machine
    assert not code.unknown
    assert by_us(code) == by_cuobjdump(path)


@pytest.mark.parametrize("arch", ["90", "90a", "100a", "120f", "120a", "121", "121a"])
def test_a_cubin_shows_its_suffix(source: Path, arch: str) -> None:
    path = nvcc(source, f"k{arch}.cubin", "-cubin", f"-arch=sm_{arch}")
    code = read_gpu_code(path)
    assert [str(each) for each in code.archs] == [f"sm_{arch}"]
    assert not code.machine
    assert by_us(code) == by_cuobjdump(path)


def test_object_files_archives_and_bare_fat_binaries(source: Path) -> None:
    made = nvcc(source, "k.o", "-c", "-rdc=true", *code_for("121a", "ptx80"))
    archive = source.parent / "k.a"
    subprocess.run(["ar", "rcs", str(archive), str(made)], check=True)
    bare = nvcc(source, "k.fatbin", "-fatbin", *code_for("121a", "ptx80"))
    for path in (made, archive, bare):
        assert [str(each) for each in read_gpu_code(path).archs] == ["compute_80", "sm_121a"], path.name


def test_a_cubin_within_the_data_of_a_library_is_found(source: Path) -> None:
    cubin = nvcc(source, "inner.cubin", "-cubin", "-arch=sm_121a")
    library = nvcc(source, "outer.so", *code_for("90a"))
    carrier = source.parent / "carrier.so"
    carrier.write_bytes(library.read_bytes() + b"\0" * 8 + cubin.read_bytes() + b"\0" * 64)
    code = read_gpu_code(carrier)
    assert [str(each) for each in code.archs] == ["sm_90a", "sm_121a"]
    assert code.on(121) == {ChipSupport.NOT: 1, ChipSupport.NATIVE: 1}
