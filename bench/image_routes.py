"""Both routes of an image, measured in one run on loopback: a real daemon, registry, proxy and compiler.

    PYTHONPATH=src:. .venv/bin/python bench/image_routes.py [--megabytes 300 --megabytes 2000] [--frontend FILE]

Needs root, dockerd, docker-registry, skopeo, and `bash .ci/parts cuda`. FILE is BuildKit's own dockerfile-frontend, built
from moby/buildkit; without it a stand-in that cannot build is used, and the line says so. It prints Markdown.
"""

# ruff: noqa: E501

import argparse
import contextlib
import ctypes
import gzip
import hashlib
import io
import json
import os
import platform
import random
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.dockerd import BUSYBOX, DOCKER, Dockerd, running_dockerd
from tests.doubles.registry import layer_tar, random_layer, serving_registry
from tests.nvcc.test_gpu_code_real import KERNEL, code_for
from tests.parts import CUDA_BIN
from tests.registry import NAME, RealRegistry, ThrottledProxy, real_registry, throttled_proxy

from onbox.fetch.http import DIRECT
from onbox.image.fetch import FetchOptions, fetch_image
from onbox.image.reference import parse
from onbox.image.store import ImageStore

PROXY_BYTES_S = 1e6
PART_S = 20.0
LAYERS = 6
ONBOX = (sys.executable, "-m", "onbox")
ANSWER_S = 1200.0


def main() -> None:
    """Measure everything, and print it."""
    options = argparse.ArgumentParser()
    options.add_argument("--megabytes", type=int, action="append")
    options.add_argument("--frontend", type=Path)
    asked = options.parse_args()
    _own_hosts()
    print(f"Measured on {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start.\n")
    with _surroundings() as (folder, registry, proxy, daemon):
        routes(folder, registry, proxy, daemon, asked.megabytes or [300, 2000])
        cuts(folder)
        builds(folder, registry, proxy, asked.frontend)
    kernels()


def routes(
    folder: Path, registry: RealRegistry, proxy: ThrottledProxy, daemon: Dockerd, megabytes: Sequence[int]
) -> None:
    """The same images by the daemon, by skopeo and by onbox."""
    print("| image | route | fetched (s) | loaded (s) | in all (s) | peak memory (MB) |\n|---|---|---|---|---|---|")
    for size in megabytes:
        name = f"{registry.host}/big{size}:1"
        big_image(registry, f"big{size}", size)
        if size == min(megabytes):
            seconds, brought = pull_a_part(proxy, daemon, name)
            whole = size * 1e6 / (brought / seconds)
            print(
                f"| {size} MB | `docker pull` through the proxy of 1 MB/s | {whole:.0f} (computed: {brought / 1e6:.1f} MB in "
                f"{seconds:.0f} s) | | {whole:.0f} | |"
            )
        for _ in range(2):
            _forget(folder, daemon)
            fetch_s, load_s = by_skopeo(folder, daemon, name)
            print(
                f"| {size} MB | skopeo to docker-archive, `docker load` | {fetch_s:.1f} | {load_s:.1f} | {fetch_s + load_s:.1f} | |"
            )
            _forget(folder, daemon)
            result, wall_s, peak_mb = by_onbox(daemon, name)
            print(
                f"| {size} MB | `onbox image fetch REF --direct` | {result['fetch_s']:.1f} | {result['load_s']:.1f} | {wall_s:.1f} "
                f"| {peak_mb:.0f} |",
                flush=True,
            )
        _forget(folder, daemon)


def pull_a_part(proxy: ThrottledProxy, daemon: Dockerd, name: str) -> tuple[float, int]:
    """(seconds, bytes) of a pull that is broken off: the whole of it would take minutes."""
    before, began = proxy.passed, time.monotonic()
    client = subprocess.Popen([DOCKER, "pull", "--quiet", name], env=daemon.environment, stdout=subprocess.DEVNULL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        client.wait(PART_S)
    seconds = time.monotonic() - began
    client.kill()
    client.wait()
    return seconds, proxy.passed - before


def by_skopeo(folder: Path, daemon: Dockerd, name: str) -> tuple[float, float]:
    """(seconds of the copy, seconds of the load)."""
    archive = folder / "skopeo.tar"
    began = time.monotonic()
    subprocess.run(["skopeo", "copy", "--quiet", f"docker://{name}", f"docker-archive:{archive}:{name}"], check=True)
    copied = time.monotonic()
    subprocess.run([DOCKER, "load", "--quiet", "--input", str(archive)], env=daemon.environment, check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    loaded = time.monotonic()
    archive.unlink()
    return copied - began, loaded - copied


def by_onbox(daemon: Dockerd, name: str) -> tuple[dict[str, float], float, float]:
    """(its own JSON, seconds of the whole command, peak memory in MB)."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as out:
        client = subprocess.Popen(
            [*ONBOX, "image", "fetch", name, "--direct", "--with", "docker", "--json"], env=_environment(daemon),
            stdout=out, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        # Not from wait4: what a child reports there begins with the size of the process that started it.
        peak_kb = 0
        while client.poll() is None:
            with contextlib.suppress(OSError, IndexError, ValueError):
                status = Path(f"/proc/{client.pid}/status").read_text()
                peak_kb = max(peak_kb, int(status.partition("VmHWM:")[2].split()[0]))
            time.sleep(0.05)
        assert client.returncode == 0, name
        out.seek(0)
        return json.load(out), time.monotonic() - began, peak_kb / 1000


def cuts(folder: Path) -> None:
    """One transfer with twenty cuts and three stalls."""
    with serving_registry() as registry:
        registry.add("cut", [random_layer(40, 1), random_layer(40, 2)])
        registry.faults.cut_every, registry.faults.cuts = 2_500_000, 20
        registry.faults.stall_after, registry.faults.stalls = 3_500_000, 3
        options = FetchOptions(route=DIRECT, stall_s=2.0, keep=True)
        fetched = fetch_image(parse(f"{registry.host}/cut:1"), None, options, ImageStore(folder / "cuts"))
        layers = sum(registry.sent[each] for each in fetched.layers)
        store = ImageStore(folder / "cuts")
        sizes = sum(store.blob(each).stat().st_size for each in fetched.layers)
        right = all(
            f"sha256:{hashlib.sha256(store.blob(each).read_bytes()).hexdigest()}" == each for each in fetched.layers
        )
    print(
        f"\nTwenty cuts and three stalls of 2 s in one transfer of {sizes / 1e6:.0f} MB: {fetched.reconnects} connections made "
        f"anew, every digest {'right' if right else 'WRONG'}, {(layers - sizes) / 1e3:.0f} kB sent twice, "
        f"{fetched.fetch_s:.1f} s.\n"
    )


def builds(folder: Path, registry: RealRegistry, proxy: ThrottledProxy, frontend: Path | None) -> None:
    """Two stages on two bases with a frontend, the daemon's own route cut off; and the same again."""
    shell = BUSYBOX.read_bytes()
    put(registry, "devel", {"bin/sh": shell, "bin/echo": shell}, {"Env": ["PATH=/bin"]})
    put(registry, "runtime", {"bin/sh": shell, "bin/cat": shell}, {"Env": ["PATH=/bin"]})
    labels = {"moby.buildkit.frontend.network.none": "true",
              "moby.buildkit.frontend.caps": "moby.buildkit.frontend.inputs,moby.buildkit.frontend.subrequests"}  # fmt: skip
    program = frontend.read_bytes() if frontend else shell
    put(registry, "frontend", {"bin/dockerfile-frontend": program},
        {"Entrypoint": ["/bin/dockerfile-frontend"], "Env": ["PATH=/bin"], "Labels": labels})  # fmt: skip
    context = folder / "image"
    context.mkdir()
    (context / "Dockerfile").write_text(
        f"# syntax={registry.host}/frontend:1\nARG DEVEL={registry.host}/devel:1\nFROM ${{DEVEL}} AS build\n"
        f"RUN <<EOF\necho made >/made\nEOF\nFROM {registry.host}/runtime:1\nCOPY --from=build /made /made\n"
    )
    recipe = folder / "two.yaml"
    recipe.write_text(json.dumps({"name": "two", "image": "onbox-bench/two", "build": {"context": "image"}}))
    proxy.cut_off = True
    with running_dockerd(HTTPS_PROXY=proxy.url, HTTP_PROXY=proxy.url) as daemon:
        asked = len(proxy.requests)
        command = [*ONBOX, "image", "build", str(recipe), "--direct", "--with", "docker", "--json"]
        environment = {**_environment(daemon), "DOCKER_BUILDKIT": "1"}
        for which in ("first", "second"):
            began = time.monotonic()
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=ANSWER_S, check=False
            )
            wall_s = time.monotonic() - began
            if done.returncode:
                print(f"{which} build: {wall_s:.1f} s: {done.stderr.strip().splitlines()[-2:]}")
                break
            result = json.loads(done.stdout)
            how = "built" if result["built"] else "found, nothing compiled"
            print(
                f"{which} build of the same recipe: {wall_s:.1f} s, {how}; requests to the proxy: {len(proxy.requests) - asked}  "
            )
    proxy.cut_off = False


def kernels() -> None:
    """Kernel files told apart."""
    print("\n| compiled for | `arch` of verify | on 12.1 |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "add.cu"
        source.write_text(KERNEL)
        for name in ("121a", "121", "120a", "120f", "90a", "ptx80", "ptx121a"):
            target = Path(scratch) / f"lib{name}.so"
            subprocess.run([str(CUDA_BIN / "nvcc"), "-shared", "-cudart", "none", "-Xcompiler", "-fPIC", *code_for(name),
                            "-o", str(target), str(source)], check=True)  # fmt: skip
            done = subprocess.run([*ONBOX, "image", "verify", str(target), "--chip", "12.1", "--json"],
                                  capture_output=True, text=True, check=True)  # fmt: skip
            result = json.loads(done.stdout)
            print(f"| {name} | {', '.join(result['arch'])} | {result['verdict']} |")


# ------------------------------------------------------------ surroundings


def big_image(registry: RealRegistry, name: str, megabytes: int) -> None:
    """An image of random bytes; its layers share their packed bulk, which is made once."""
    source = random.Random(1)
    bulk = b"".join(source.randbytes(1_000_000) for _ in range(megabytes // LAYERS))
    tail = _member("bulk", bulk) + b"\0" * 1024
    packed_tail = gzip.compress(tail, 1, mtime=0)
    layers = []
    for number in range(LAYERS):
        head = _member(f"layer-{number}", str(number).encode() * 4096)
        raw = gzip.compress(head, 1, mtime=0) + packed_tail
        layers.append((registry.repositories.blob(raw), len(raw), f"sha256:{hashlib.sha256(head + tail).hexdigest()}"))
    registry.repositories.image(name, "1", layers, {"Cmd": ["/bulk"]})


def put(registry: RealRegistry, name: str, files: dict[str, bytes], config: dict[str, object]) -> None:
    """A small image."""
    raw = layer_tar(files)
    packed = gzip.compress(raw, 1, mtime=0)
    layer = (registry.repositories.blob(packed), len(packed), f"sha256:{hashlib.sha256(raw).hexdigest()}")
    registry.repositories.image(name, "1", [layer], config)


def _member(name: str, content: bytes) -> bytes:
    """A file of a tar without the tar's end."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    out = io.BytesIO()
    out.write(info.tobuf())
    out.write(content)
    out.write(b"\0" * (-len(content) % 512))
    return out.getvalue()


@contextlib.contextmanager
def _surroundings() -> Iterator[tuple[Path, RealRegistry, ThrottledProxy, Dockerd]]:
    folder = Path(tempfile.mkdtemp(prefix="onbox-routes-"))
    try:
        with real_registry(folder / "registry", login="me:secret") as registry, throttled_proxy(PROXY_BYTES_S) as proxy:
            (folder / "docker").mkdir()
            login = {"auths": {registry.host: {"auth": "bWU6c2VjcmV0"}}}
            (folder / "docker" / "config.json").write_text(json.dumps(login))
            os.environ |= {
                "DOCKER_CONFIG": str(folder / "docker"),
                "REGISTRY_AUTH_FILE": str(folder / "docker" / "config.json"),
                "SSL_CERT_FILE": str(registry.authority),
                "ONBOX_CACHE": str(folder / "cache"),
                "PATH": f"{Path(DOCKER).parent}:{os.environ['PATH']}",
            }
            with running_dockerd(
                HTTPS_PROXY=proxy.url, HTTP_PROXY=proxy.url, options=("--insecure-registry", registry.host)
            ) as daemon:
                yield folder, registry, proxy, daemon
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _environment(daemon: Dockerd) -> dict[str, str]:
    return {**daemon.environment, "PYTHONPATH": "src"}


def _forget(folder: Path, daemon: Dockerd) -> None:
    """Both start from nothing."""
    if images := daemon.docker("image", "ls", "--quiet").split():
        daemon.docker("rmi", "--force", *set(images))
    shutil.rmtree(folder / "cache", ignore_errors=True)
    subprocess.run(["sync"], check=True)


def _own_hosts() -> None:
    """The registry's name leads to loopback, for this process and its children alone."""
    namespace = 0x00020000
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(namespace):
        sys.exit("needs root: a mount namespace of its own")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    with tempfile.NamedTemporaryFile("w", suffix=".hosts", delete=False) as hosts:
        hosts.write(f"{Path('/etc/hosts').read_text()}\n127.0.0.1 {NAME}\n")
    Path(hosts.name).chmod(0o644)
    subprocess.run(["mount", "--bind", hosts.name, "/etc/hosts"], check=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
