"""The situations that are recorded: each a command whose truth is known, with what it needs.

A situation that hangs says "stalls now" in its log at the moment it does, so that the recording knows when.
"""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.dockerd import DOCKER, Dockerd, running_dockerd
from tests.parts import PARTS, VLLM_MODEL

STALLS = "stalls now"
PYTHON = os.path.realpath(sys.executable)
MB = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Situation:
    """One thing that can happen.

    Args:
        truth: as in the header of a recording.
        begin: makes what it needs and returns the command and its environment.
        for_s: how long it is looked at, if it does not end before.
        note: what one should know of it.
    """

    truth: str
    begin: Callable[[ExitStack], tuple[list[str], dict[str, str]]]
    for_s: float = 120.0
    note: str = ""


# ---------------------------------------------------------------- by Python


def python(code: str) -> Callable[[ExitStack], tuple[list[str], dict[str, str]]]:
    """A Python program that may say when it stalls."""
    return lambda stack: (
        [PYTHON, "-u", "-c", f"import time, threading, os\ndef stalls(): print({STALLS!r})\n{code}"],
        {},
    )


DEADLOCK = """
one, two = threading.Lock(), threading.Lock()
def other():
    with two:
        time.sleep(1)
        with one: pass
threading.Thread(target=other).start()
with one:
    time.sleep(1)
    stalls()
    with two: pass
"""
SPIN = """
time.sleep(1)
stalls()
while True: pass
"""
BURSTS = """
n = 0
while True:
    end = time.monotonic() + 3
    while time.monotonic() < end: n += 1
    time.sleep(12)
"""
POLL = """
time.sleep(1)
stalls()
while not os.path.exists('/never'): time.sleep(0.5)
"""
HEARTBEAT = """
time.sleep(1)
stalls()
n = 0
while True:
    time.sleep(5); n += 5
    print(f'No available shared memory broadcast block found in {n} seconds')
"""
CRASH = """
print('loading'); x = bytearray(200_000_000); time.sleep(3); raise RuntimeError('no such kernel')
"""
PAUSED = """
import hashlib
stalls(); time.sleep(0.1)
os.kill(os.getpid(), 19)
"""
MMAP = """
import mmap
path, cold, pause = {path!r}, {cold}, {pause}
file = os.open(path, os.O_RDONLY)
if cold: os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
size = os.fstat(file).st_size
view = mmap.mmap(file, size, prot=mmap.PROT_READ)
if cold: view.madvise(mmap.MADV_RANDOM)
total = 0
for at in range(0, size, 65536 if pause else 4096):
    total += view[at]
    if pause: time.sleep(pause)
"""


def mmap_load(cold: bool, pause: float) -> Callable[[ExitStack], tuple[list[str], dict[str, str]]]:
    """Weights mapped into memory and touched page by page."""

    def begin(stack: ExitStack) -> tuple[list[str], dict[str, str]]:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=Path.cwd())))
        path = folder / "weights.bin"
        with path.open("wb") as file:
            for _ in range(1200 if cold else 150):
                file.write(os.urandom(MB))
            file.flush()
            os.fsync(file.fileno())
        return python(MMAP.format(path=str(path), cold=cold, pause=pause))(stack)

    return begin


# ---------------------------------------------------------------- files and compilers


def untar(stack: ExitStack) -> tuple[list[str], dict[str, str]]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=Path.cwd())))
    block = os.urandom(1 << 20)
    for n in range(40):
        (folder / f"{n}.bin").write_bytes(block * 32)
    subprocess.run(["tar", "-C", folder, "-czf", folder / "a.tar.gz", *(f"{n}.bin" for n in range(40))], check=True)
    (folder / "out").mkdir()
    return ["tar", "-C", str(folder / "out"), "-xzf", str(folder / "a.tar.gz")], {}


TEMPLATES = r"""
#include <map>
#include <regex>
#include <string>
#include <tuple>
#include <vector>
template <int N> struct Deep { std::map<int, std::vector<std::tuple<Deep<N - 1>, std::string>>> inner; std::regex r; };
template <> struct Deep<0> {};
template <int N> int use() {
  Deep<N> deep;
  std::map<Deep<N>*, std::regex> m;
  return int(deep.inner.size() + m.size()) + use<N - 1>();
}
template <> int use<0>() { return 0; }
int main() { return use<120>(); }
"""


def cxx(stack: ExitStack) -> tuple[list[str], dict[str, str]]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    (folder / "deep.cc").write_text(TEMPLATES)
    return ["g++", "-O2", "-ftemplate-depth=2000", "-c", str(folder / "deep.cc"), "-o", str(folder / "deep.o")], {}


KERNELS = r"""
template <int N> __global__ void kernel(float* x) {
  float a = x[threadIdx.x];
#pragma unroll
  for (int i = 0; i < 200 + N; ++i) a = a * 1.0001f + __sinf(a) * i;
  x[threadIdx.x] = a;
}
template <int N> void launch(float* x) { kernel<N><<<1, 32>>>(x); launch<N - 1>(x); }
template <> void launch<0>(float*) {}
int main() { launch<60>(nullptr); }
"""


def cuda(stack: ExitStack) -> tuple[list[str], dict[str, str]]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    (folder / "k.cu").write_text(KERNELS)
    return ["nvcc", "-arch=sm_121a", "-O3", "-c", str(folder / "k.cu"), "-o", str(folder / "k.o")], {}


STREAM_THEN = r"""
#include <cstdio>
#include <cstdlib>
#include <unistd.h>
__global__ void spin(volatile int* stop) { while (!*stop) {} }
__global__ void stream(float* a, const float* b, size_t n) {
  for (size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x; i < n; i += (size_t)gridDim.x * blockDim.x)
    a[i] = a[i] * 1.01f + b[i];
}
int main(int, char** argv) {
  setvbuf(stdout, 0, _IOLBF, 0);
  float *a, *b; int* stop; size_t n = 1ul << 30;
  cudaMalloc(&a, n * 4); cudaMalloc(&b, n * 4); cudaMalloc(&stop, 4); cudaMemset(stop, 0, 4); cudaDeviceSynchronize();
  puts("Starting to load model x"); sleep(4);
  for (int i = 0; i < 30; ++i) {
    for (int k = 0; k < 150; ++k) stream<<<2048, 256>>>(a, b, n);
    cudaDeviceSynchronize();
  }
  puts("stalls now");
  if (atoi(argv[1])) { spin<<<1, 1>>>(stop); cudaDeviceSynchronize(); }
  sleep(1000);
}
"""
"""Needs a GPU with 9 GB."""


def gpu(spins: bool) -> Callable[[ExitStack], tuple[list[str], dict[str, str]]]:
    """A program that works on a GPU, and then waits for a kernel that never ends, or sleeps."""

    def begin(stack: ExitStack) -> tuple[list[str], dict[str, str]]:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "load.cu").write_text(STREAM_THEN)
        subprocess.run(["nvcc", "-arch=native", "-O2", "-o", folder / "load", folder / "load.cu"], check=True)
        return [str(folder / "load"), str(int(spins))], {}

    return begin


# ---------------------------------------------------------------- the network


@contextmanager
def strangled(port: int, bytes_s: float, stall_after: int | None = None) -> Iterator[int]:
    """A forwarder to a local port that lets so many bytes a second come back, and none after `stall_after`."""
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def up(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)

    def down(source: socket.socket, sink: socket.socket) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(max(64, int(bytes_s / 10))):
                passed += len(data)
                sink.sendall(data)
                if stall_after is not None and passed > stall_after:
                    print(STALLS, flush=True)
                    stop.wait()
                time.sleep(len(data) / bytes_s)
            sink.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = server.accept()
                # A small window, lest the kernel takes megabytes ahead of the strangling.
                onward = socket.create_connection(("127.0.0.1", port))
                threading.Thread(target=up, args=(client, onward), daemon=True).start()
                threading.Thread(target=down, args=(onward, client), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        stop.set()
        server.close()


def download(
    bytes_s: float, size: int, stall_after: int | None = None
) -> Callable[[ExitStack], tuple[list[str], dict[str, str]]]:
    """curl against a server that is slow, or falls silent."""

    def begin(stack: ExitStack) -> tuple[list[str], dict[str, str]]:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "file").write_bytes(os.urandom(size))
        server = subprocess.Popen(
            [PYTHON, "-m", "http.server", "0", "--bind", "127.0.0.1", "-d", str(folder)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        stack.callback(server.wait)
        stack.callback(server.kill)
        assert server.stdout is not None
        port = int(server.stdout.readline().split()[5])
        through = stack.enter_context(strangled(port, bytes_s, stall_after))
        return ["curl", "-sS", "-o", str(folder / "got"), f"http://127.0.0.1:{through}/file"], {"no_proxy": "127.0.0.1"}

    return begin


# ---------------------------------------------------------------- docker


def daemon_with_image(stack: ExitStack, layers: int, layer_bytes: int) -> tuple[Dockerd, Path]:
    """A daemon of its own, and an archive with an image of incompressible layers that it does not have."""
    daemon = stack.enter_context(running_dockerd())
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=Path.cwd())))
    base = daemon.busybox()
    files = []
    for n in range(layers):
        (folder / f"f{n}").write_bytes(os.urandom(layer_bytes))
        files.append(f"COPY f{n} /f{n}")
    (folder / "Dockerfile").write_text("\n".join([f"FROM {base}", *files]) + "\n")
    daemon.docker("build", "-t", "big:local", str(folder))
    daemon.docker("save", "-o", str(folder / "big.tar"), "big:local")
    daemon.docker("rmi", "-f", "big:local")
    daemon.docker("system", "prune", "-af")
    return daemon, folder


def unpack(stack: ExitStack) -> tuple[list[str], dict[str, str]]:
    daemon, folder = daemon_with_image(stack, 6, 150 * MB)
    return [DOCKER, "load", "-q", "-i", str(folder / "big.tar")], {"DOCKER_HOST": daemon.host}


def pull(
    bytes_s: float, size: int, stall_after: int | None = None
) -> Callable[[ExitStack], tuple[list[str], dict[str, str]]]:
    """docker pull from a registry behind a strangled line."""

    def begin(stack: ExitStack) -> tuple[list[str], dict[str, str]]:
        daemon, folder = daemon_with_image(stack, 1, size)
        port = _free_port()
        (folder / "registry.yml").write_text(
            "version: 0.1\nlog: {level: error}\n"
            f"storage: {{filesystem: {{rootdirectory: {folder}/registry}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n"
        )
        registry = subprocess.Popen(
            ["docker-registry", "serve", str(folder / "registry.yml")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        stack.callback(registry.wait)
        stack.callback(registry.kill)
        _wait_port(port)
        daemon.docker("load", "-i", str(folder / "big.tar"))
        daemon.docker("tag", "big:local", f"127.0.0.1:{port}/big:1")
        daemon.docker("push", f"127.0.0.1:{port}/big:1")
        daemon.docker("system", "prune", "-af")
        through = stack.enter_context(strangled(port, bytes_s, stall_after))
        return [DOCKER, "pull", "-q", f"127.0.0.1:{through}/big:1"], {"DOCKER_HOST": daemon.host}

    return begin


def build_burns(stack: ExitStack) -> tuple[list[str], dict[str, str]]:
    """The classic builder: the step runs below a shim, nobody's child, and uses nothing but the processor."""
    daemon = stack.enter_context(running_dockerd())
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    loop = "i=0; while [ $i -lt 12000000 ]; do i=$((i+1)); done"
    (folder / "Dockerfile").write_text(f"FROM {daemon.busybox()}\nRUN {loop}\n")
    return [DOCKER, "build", "-q", "--network", "none", str(folder)], {
        "DOCKER_HOST": daemon.host,
        "DOCKER_BUILDKIT": "0",
    }


# ---------------------------------------------------------------- engines


def vllm(eager: bool) -> Callable[[ExitStack], tuple[list[str], dict[str, str]]]:
    """vLLM on the processor, until it has served for a while."""

    def begin(stack: ExitStack) -> tuple[list[str], dict[str, str]]:
        cache = stack.enter_context(tempfile.TemporaryDirectory())
        argv = [
            str(PARTS / "vllm" / "bin" / "vllm"), "serve", str(VLLM_MODEL), "--host", "127.0.0.1",
            "--port", str(_free_port()), "--dtype", "bfloat16", "--max-model-len", "2048",
            *(["--enforce-eager"] if eager else []),
        ]  # fmt: skip
        return argv, {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CACHE_ROOT": cache, "HF_HUB_OFFLINE": "1"}

    return begin


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_port(port: int) -> None:
    for _ in range(100):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        time.sleep(0.1)
    raise SystemExit(f"port {port}: nothing came up")


SITUATIONS: dict[str, Situation] = {
    "deadlock": Situation(truth="hung", begin=python(DEADLOCK), for_s=200, note="two locks in the wrong order"),
    "poll-loop": Situation(truth="hung", begin=python(POLL), for_s=200, note="waits for a file that never comes"),
    "heartbeat": Situation(truth="hung", begin=python(HEARTBEAT), for_s=200, note="waits, and says so every 5 s"),
    "busy-spin": Situation(truth="hung", begin=python(SPIN), for_s=200, note="waits in a circle"),
    "cpu-bursts": Situation(truth="healthy", begin=python(BURSTS), for_s=220, note="computes 3 s of every 15, silent"),
    "crash": Situation(truth="dead", begin=python(CRASH), for_s=30),
    "paused": Situation(truth="starved", begin=python(PAUSED), for_s=20, note="stopped by SIGSTOP"),
    "mmap-cold": Situation(truth="healthy", begin=mmap_load(cold=True, pause=0.0), note="1.2 GB page by page"),
    "mmap-warm": Situation(truth="healthy", begin=mmap_load(cold=False, pause=0.007), note="from the page cache"),
    "untar": Situation(truth="healthy", begin=untar, note="1.3 GB from a tar.gz"),
    "compile-cxx": Situation(truth="healthy", begin=cxx, note="g++, one file of deep templates, silent"),
    "compile-cuda": Situation(truth="healthy", begin=cuda, note="nvcc for sm_121a, silent"),
    "download-slow": Situation(truth="healthy", begin=download(50_000, 2 * MB), note="50 kB/s"),
    "download-trickle": Situation(truth="healthy", begin=download(500, 90_000), for_s=160, note="500 B/s"),
    "download-stalled": Situation(truth="hung", begin=download(MB, 30 * MB, 3 * MB), for_s=140),
    "image-unpack": Situation(truth="healthy", begin=unpack, note="docker load -q of 900 MB: the client is silent"),
    "pull-throttled": Situation(truth="healthy", begin=pull(MB, 30 * MB), note="docker pull at 1 MB/s"),
    "pull-stalled": Situation(truth="hung", begin=pull(MB, 30 * MB, 5 * MB), for_s=160),
    "build-burns-cpu": Situation(truth="healthy", begin=build_burns, note="classic docker build, RUN in a loop"),
    "gpu-spin": Situation(truth="hung", begin=gpu(spins=True), for_s=220, note="a kernel that never ends"),
    "gpu-idle": Situation(truth="hung", begin=gpu(spins=False), for_s=220, note="the host sleeps with 9 GB held"),
    "vllm-eager": Situation(truth="healthy", begin=vllm(eager=True), for_s=90),
    "vllm-compile": Situation(truth="healthy", begin=vllm(eager=False), for_s=240, note="cold cache"),
}  # fmt: skip
