"""Does the guard see what a process holds of a GPU, and what does one look cost? Needs an NVIDIA GPU and its driver.

PYTHONPATH=src python bench/guard_gpu.py
"""

import os
import subprocess
import sys
import time

from onbox.supervisor.gpu_memory import open_nvml
from onbox.supervisor.memory_sampler import MemorySampler

HELD_BYTES = 3 << 30
HOLD = f"""
import ctypes, time
cuda = ctypes.CDLL("libcuda.so.1")
device, context, pointer = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_ulonglong()
assert cuda.cuInit(0) == 0 and cuda.cuDeviceGet(ctypes.byref(device), 0) == 0
assert cuda.cuCtxCreate_v2(ctypes.byref(context), 0, device) == 0
print("context", flush=True)
input()
assert cuda.cuMemAlloc_v2(ctypes.byref(pointer), ctypes.c_size_t({HELD_BYTES})) == 0
print("held", flush=True)
time.sleep(60)
"""
LOOKS = 200


def main() -> None:
    """Print what is seen before and after an allocation of known size."""
    gpu = open_nvml()
    assert gpu is not None, "no NVIDIA driver here"
    child = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdout.readline()
    memory = MemorySampler({os.getpid()}, unified=False, gpu=gpu)
    before = memory.sample(0.0, "", closely=True)
    child.stdin.write(b"\n")
    child.stdin.flush()
    child.stdout.readline()
    after = memory.sample(1.0, "", closely=True)
    began = time.process_time()
    for number in range(LOOKS):
        memory.sample(2.0 + number, "", closely=True)
    each_ms = (time.process_time() - began) / LOOKS * 1000
    child.kill()
    child.wait()
    print(f"child {child.pid}; by process: {memory.gpu_bytes}")
    print(f"seen of the child: {before.gpu_bytes} bytes with a context, {after.gpu_bytes} with {HELD_BYTES} more")
    if before.gpu_bytes is not None and after.gpu_bytes is not None:
        print(f"grown by {after.gpu_bytes - before.gpu_bytes}")
    print(f"one close look costs {each_ms:.2f} ms of processor")


if __name__ == "__main__":
    main()
