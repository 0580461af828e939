"""A Ray cluster of the tests' own: its nodes are processes on this box, on loopback, and nothing of them is left."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from onbox.launch.ports import free_port
from tests.parts import RAY_PYTHON

READY_S = 60.0
GONE_S = 10.0
STORE_BYTES = 80_000_000
"""The least that Ray takes is 75 MB."""


class Node:
    """A node that runs.

    Args:
        process: `ray start --block`, the parent of all that belongs to the node.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process

    def below(self) -> list[psutil.Process]:
        """All processes of the node."""
        with suppress(psutil.NoSuchProcess):
            top = psutil.Process(self.process.pid)
            return [top, *top.children(recursive=True)]
        return []

    def power_off(self) -> None:
        """All at once, as when a box loses its power."""
        below = self.below()
        for process in below:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(below, GONE_S)
        self.process.wait(GONE_S)

    def end(self) -> None:
        """In order; what is left after that is killed."""
        below = self.below()
        self.process.terminate()
        _, alive = psutil.wait_procs(below, GONE_S)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(GONE_S)


class Cluster:
    """A head and what joins it.

    Args:
        folder: for all that Ray writes; short, as the names of sockets go into it.
        env: of every node.
    """

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._folder = folder
        self._env = env
        self.nodes: list[Node] = []

    def start(self, name: str, env: dict[str, str] | None = None) -> Node:
        """One node more; the first is the head."""
        if self.nodes:
            place = [f"--address={self.address}"]
        else:
            place = ["--head", f"--port={self.address.split(':')[1]}", "--include-dashboard=false"]
            place += [f"--temp-dir={self._folder}"]
        argv = [str(RAY_PYTHON), "-m", "ray.scripts.scripts", "start", *place, f"--node-name={name}", "--block",
                "--node-ip-address=127.0.0.1", "--num-cpus=1", f"--object-store-memory={STORE_BYTES}",
                "--disable-usage-stats"]  # fmt: skip
        log = self._folder.with_name(f"{self._folder.name}-{name}.log")
        with log.open("wb") as file:
            process = subprocess.Popen(
                argv, env=env or self._env, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )
        node = Node(process)
        self.nodes.append(node)
        deadline = time.monotonic() + READY_S
        while "Ray runtime started" not in (output := log.read_text()):
            assert process.poll() is None, output
            assert time.monotonic() < deadline, output
            time.sleep(0.1)
        return node


@contextmanager
def cluster(env: dict[str, str], *names: str) -> Iterator[Cluster]:
    """A cluster of so many nodes, the first of which is the trial's box."""
    scratch = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    (scratch / "t").mkdir()
    # What a killed worker leaves in its temporary folder goes with the rest.
    quiet = {**env, "RAY_USAGE_STATS_ENABLED": "0", "TMPDIR": str(scratch / "t")}
    made = Cluster(scratch / "r", quiet)
    try:
        for name in names:
            made.start(name)
        yield made
    finally:
        for node in reversed(made.nodes):
            node.end()
        shutil.rmtree(scratch, ignore_errors=True)
