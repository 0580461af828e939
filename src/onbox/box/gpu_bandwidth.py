"""Read bandwidth of an NVIDIA GPU, measured: one kernel that reads every word once and adds it up.

The sum is checked after each launch, so a kernel that skipped a word would be an error and not a high number.
"""

import ctypes
import statistics
import time
from collections.abc import Callable

from onbox.box import cuda
from onbox.box.bandwidth import Bandwidth
from onbox.box.gpus import GpuSample
from onbox.box.nominal import nominal
from onbox.errors import BoxError

MIB = 1 << 20
THREADS = 256
BLOCKS_PER_MULTIPROCESSOR = 8
UNROLL = 4
VECTOR_BYTES = 16
REPEATS = 15
WARM_UP_S = 0.6
SAMPLED_S = 0.05
"""Work that is queued around each sample of the clock, by the first launches' speed."""
DATA_BYTES_MIN = 2048 * MIB
PATTERN = 0x9E3779B1
"""Odd, so that one missing word changes the sum modulo 2^32."""

# The kernel, as CUDA C would put it (data is a whole number of UNROLL * stride vectors):
#   stride = gridDim.x * blockDim.x;
#   for (i = blockIdx.x * blockDim.x + threadIdx.x; i < vectors; i += 4 * stride)
#       sum += all four words of data[i], data[i + stride], data[i + 2 * stride], data[i + 3 * stride];
#   atomicAdd(out, sum);
PTX = """
.version 6.0
.target sm_50
.address_size 64
.visible .entry read_all(.param .u64 p_data, .param .u64 p_vectors, .param .u64 p_out)
{
    .reg .pred %done;
    .reg .b32 %block, %threads, %thread, %blocks, %sum, %a<4>, %b<4>, %c<4>, %d<4>;
    .reg .b64 %data, %vectors, %out, %index, %offset, %stride, %bytes, %at, %four;
    ld.param.u64 %data, [p_data];
    ld.param.u64 %vectors, [p_vectors];
    ld.param.u64 %out, [p_out];
    cvta.to.global.u64 %data, %data;
    cvta.to.global.u64 %out, %out;
    mov.u32 %block, %ctaid.x;
    mov.u32 %threads, %ntid.x;
    mov.u32 %thread, %tid.x;
    mov.u32 %blocks, %nctaid.x;
    mul.wide.u32 %index, %block, %threads;
    cvt.u64.u32 %offset, %thread;
    add.u64 %index, %index, %offset;
    mul.wide.u32 %stride, %blocks, %threads;
    shl.b64 %bytes, %stride, 4;
    shl.b64 %four, %stride, 2;
    mov.u32 %sum, 0;
LOOP:
    setp.ge.u64 %done, %index, %vectors;
    @%done bra DONE;
    shl.b64 %at, %index, 4;
    add.u64 %at, %data, %at;
    ld.global.v4.u32 {%a0, %a1, %a2, %a3}, [%at];
    add.u64 %at, %at, %bytes;
    ld.global.v4.u32 {%b0, %b1, %b2, %b3}, [%at];
    add.u64 %at, %at, %bytes;
    ld.global.v4.u32 {%c0, %c1, %c2, %c3}, [%at];
    add.u64 %at, %at, %bytes;
    ld.global.v4.u32 {%d0, %d1, %d2, %d3}, [%at];
    add.u32 %a0, %a0, %a1;
    add.u32 %a2, %a2, %a3;
    add.u32 %b0, %b0, %b1;
    add.u32 %b2, %b2, %b3;
    add.u32 %c0, %c0, %c1;
    add.u32 %c2, %c2, %c3;
    add.u32 %d0, %d0, %d1;
    add.u32 %d2, %d2, %d3;
    add.u32 %a0, %a0, %a2;
    add.u32 %b0, %b0, %b2;
    add.u32 %c0, %c0, %c2;
    add.u32 %d0, %d0, %d2;
    add.u32 %a0, %a0, %b0;
    add.u32 %c0, %c0, %d0;
    add.u32 %a0, %a0, %c0;
    add.u32 %sum, %sum, %a0;
    add.u64 %index, %index, %four;
    bra LOOP;
DONE:
    red.global.add.u32 [%out], %sum;
    ret;
}
"""


def gpu_bandwidth(
    device: cuda.Device, *, sample: Callable[[], GpuSample] | None = None, repeats: int = REPEATS
) -> Bandwidth:
    """Measure how fast a GPU reads its memory.

    Args:
        device: one of `cuda.devices()`.
        sample: asked for clock and power while the kernel runs, since an idle GPU's clock says nothing.
        repeats: timed launches, after a warm-up of about half a second that lets the clocks rise.

    Raises:
        BoxError: the driver refused, memory is short, or the sum came out wrong.
    """
    blocks = device.multiprocessors * BLOCKS_PER_MULTIPROCESSOR
    with cuda.Context(device):
        size = _data_bytes(device, blocks, cuda.free_bytes())
        with cuda.Buffer(size) as data, cuda.Buffer(4) as out:
            run = _Run(device, data, out, blocks, size)
            samples = run.warm_up(sample)
            seconds = run.timed(repeats)
    rates = [size / 1e9 / each for each in seconds]
    stated = nominal(device.name)
    return Bandwidth(
        read_gb_s=round(max(rates), 2),
        method=f"CUDA driver, own read kernel, {size // MIB} MiB, best of {repeats}, sum checked",
        threads=blocks * THREADS,
        device=device.name,
        median_gb_s=round(statistics.median(rates), 2),
        repeats=repeats,
        data_bytes=size,
        cache_bytes=device.l2_bytes,
        nominal_gb_s=stated.gb_s if stated else None,
        nominal_source=stated.source if stated else None,
        clock_mhz=max((each.clock_mhz for each in samples if each.clock_mhz is not None), default=None),
        power_w=max((each.power_w for each in samples if each.power_w is not None), default=None),
    )


class _Run:
    """The loaded kernel and its data."""

    def __init__(self, device: cuda.Device, data: cuda.Buffer, out: cuda.Buffer, blocks: int, size: int) -> None:
        self._device, self._data, self._out, self._blocks = device, data, out, blocks
        self._words = size // 4
        self._vectors = ctypes.c_uint64(size // VECTOR_BYTES)
        self._kernel = cuda.Kernel(PTX, "read_all")
        cuda.fill(data, PATTERN, self._words)

    def warm_up(self, sample: Callable[[], GpuSample] | None) -> list[GpuSample]:
        """Read until the clocks have had time to rise; sample while work is queued."""
        samples = []
        queued = max(1, round(SAMPLED_S / min(self.timed(3))))
        end = time.monotonic() + WARM_UP_S
        while time.monotonic() < end:
            for _ in range(queued):
                self._launch()
            if sample is not None:
                samples.append(sample())
            cuda.synchronize()
        return samples

    def timed(self, repeats: int) -> list[float]:
        """Seconds of each launch; the sum of each is checked before the next."""
        seconds = []
        expected = PATTERN * self._words % (1 << 32)
        for _ in range(repeats):
            cuda.fill(self._out, 0, 1)
            started, ended = cuda.CudaEvent(), cuda.CudaEvent()
            started.record()
            self._launch()
            ended.record()
            sum_found = cuda.first_word(self._out)
            if sum_found != expected:
                raise BoxError(
                    f"{self._device.name}: the read kernel's sum is {sum_found:#x}, not {expected:#x}",
                    "the GPU's memory or driver is not sound; do not trust any number from it",
                )
            seconds.append(ended.seconds_since(started))
        return seconds

    def _launch(self) -> None:
        self._kernel.launch(self._blocks, THREADS, self._data.pointer, self._vectors, self._out.pointer)


def _data_bytes(device: cuda.Device, blocks: int, free_bytes: int) -> int:
    """64 times the cache and 2 GiB at least, a quarter of free memory at most, in whole rounds of the kernel."""
    round_bytes = blocks * THREADS * UNROLL * VECTOR_BYTES
    wanted = min(max(DATA_BYTES_MIN, 64 * device.l2_bytes), free_bytes // 4)
    if wanted < 4 * device.l2_bytes or wanted < round_bytes:
        raise BoxError(
            f"{device.name}: {free_bytes // MIB} MiB free is too little to measure its bandwidth",
            "stop what holds its memory, or name the bandwidth with --bandwidth",
        )
    return wanted // round_bytes * round_bytes
