"""What `onbox image verify` makes of a file, held against what a driver does with it.

    PYTHONPATH=src:. .venv/bin/python bench/gpu_verdict.py make DIR     # compiles fat binaries, writes the verdicts
    python3 bench/gpu_verdict.py load DIR                               # on a box with a GPU; no onbox needed
    PYTHONPATH=src:. .venv/bin/python bench/gpu_verdict.py compare DIR  # the table

The driver loads each file twice: once as it is, and once with CUDA_DISABLE_PTX_JIT=1, which leaves binary code only.
"""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

BUILDS = (
    ("90a",), ("90",), ("89",), ("80",), ("100a",), ("120f",), ("120a",), ("121",), ("121a",),
    ("ptx80",), ("ptx90",), ("ptx90a",), ("ptx100",), ("ptx100f",), ("ptx121a",),
    ("121a", "90a"), ("121a", "ptx80"), ("120a", "121a"), ("80", "ptx80"),
)  # fmt: skip
KERNEL = 'extern "C" __global__ void add(float* d, const float* a){ d[threadIdx.x] += a[threadIdx.x]; }\n'


def make(folder: Path) -> None:
    """Compile every build into a fat binary."""
    from tests.nvcc.test_gpu_code_real import code_for
    from tests.parts import CUDA_BIN

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "add.cu").write_text(KERNEL)
    for build in BUILDS:
        target = folder / f"{'+'.join(build)}.fatbin"
        subprocess.run(
            [str(CUDA_BIN / "nvcc"), "-fatbin", *code_for(*build), "-o", str(target), str(folder / "add.cu")],
            check=True,
        )


def load(folder: Path) -> None:
    """What the driver does with each, in processes of their own, as the switch is read once."""
    found: dict[str, object] = {}
    for switch in ("0", "1"):
        done = subprocess.run(
            [sys.executable, __file__, "load-once", str(folder)],
            env={**os.environ, "CUDA_DISABLE_PTX_JIT": switch}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        found["without_jit" if switch == "1" else "with_jit"] = json.loads(done.stdout)
    print(json.dumps(found, indent=1))
    (Path(os.environ.get("OUT", folder)) / "driver.json").write_text(json.dumps(found))


def load_once(folder: Path) -> None:
    """Load every file; print its error code, 0 for none."""
    cuda = ctypes.CDLL("libcuda.so.1")
    device, context, module = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_void_p()
    major, minor = ctypes.c_int(), ctypes.c_int()
    assert cuda.cuInit(0) == 0
    assert cuda.cuDeviceGet(ctypes.byref(device), 0) == 0
    cuda.cuDeviceGetAttribute(ctypes.byref(major), 75, device)
    cuda.cuDeviceGetAttribute(ctypes.byref(minor), 76, device)
    assert cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device) == 0
    assert cuda.cuCtxSetCurrent(context) == 0
    verdicts: dict[str, object] = {"chip": f"{major.value}.{minor.value}"}
    for path in sorted(folder.glob("*.fatbin")):
        raw = path.read_bytes()
        verdicts[path.stem] = cuda.cuModuleLoadData(ctypes.byref(module), raw)
    print(json.dumps(verdicts))


def compare(folder: Path) -> int:
    """Print the table; the number of rows where verdict and driver differ."""
    from onbox.box.gpu_arch import chip_number
    from onbox.image.gpu_code import read_gpu_code
    from onbox.image.verify import verdict_of

    driver = json.loads((folder / "driver.json").read_text())
    chip = chip_number(driver["with_jit"]["chip"])
    wrong = 0
    print(
        f"| built for | verdict on {driver['with_jit']['chip']} | driver | driver without JIT | agree |\n"
        "|---|---|---|---|---|"
    )
    for build in BUILDS:
        name = "+".join(build)
        both, binary = driver["with_jit"][name], driver["without_jit"][name]
        does = "native" if both == 0 and binary == 0 else "jit" if both == 0 else "will_not_run"
        verdict = verdict_of([read_gpu_code(folder / f"{name}.fatbin")], chip)
        wrong += verdict != does
        words = ["loads" if code == 0 else f"error {code}" for code in (both, binary)]
        print(f"| {name} | {verdict} | {words[0]} | {words[1]} | {'yes' if verdict == does else 'NO'} |")
    return wrong


if __name__ == "__main__":
    mode, where = sys.argv[1], Path(sys.argv[2])
    sys.exit({"make": make, "load": load, "load-once": load_once, "compare": compare}[mode](where))
