"""A docker daemon of the tests' own: no bridge, no rules in the firewall, nothing of it left afterwards.

Tests that use the fixture `dockerd` carry the marker `docker`. `tests/conftest.py` makes it known to all of them.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

DOCKER = "/usr/bin/docker"
"""The client of Debian's docker.io, which is of the daemon's version; another one may come first on PATH."""
BUSYBOX = Path("/bin/busybox")
READY_S = 60.0
GONE_S = 30.0


@dataclass(frozen=True)
class Dockerd:
    """A running daemon."""

    folder: Path
    pid: int

    @property
    def host(self) -> str:
        """For DOCKER_HOST."""
        return f"unix://{self.folder}/docker.sock"

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to talk to this daemon and no other."""
        return {**os.environ, "DOCKER_HOST": self.host}

    def docker(self, *arguments: str, stdin: bytes | None = None, timeout_s: float = 120.0) -> str:
        """Run the client; return what it printed.

        Raises:
            AssertionError: it failed; the message is what it said.
        """
        done = subprocess.run(
            [DOCKER, *arguments], input=stdin, capture_output=True, env=self.environment, timeout=timeout_s, check=False
        )
        assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr.decode()}"
        return done.stdout.decode().strip()

    def busybox(self, name: str = "busybox:local", cmd: str = '["/bin/sh"]') -> str:
        """An image of about 2 MB that holds busybox alone, without a registry; returns its name.

        Containers of it need `--pull never`, and `--network none` or `host`: this daemon has no bridge.
        """
        self.docker("import", "-c", f"CMD {cmd}", "-", name, stdin=busybox_tar())
        return name


def busybox_tar() -> bytes:
    """The root of an image that holds busybox alone."""
    with tempfile.TemporaryDirectory() as root:
        for folder in ("bin", "tmp", "www", "proc", "sys", "dev", "etc"):
            (Path(root) / folder).mkdir()
        shutil.copy(BUSYBOX, Path(root) / "bin" / "busybox")
        for applet in ("sh", "httpd", "sleep", "cat", "echo", "dd", "true", "false"):
            (Path(root) / "bin" / applet).symlink_to("busybox")
        return subprocess.run(["tar", "-C", root, "-c", "."], capture_output=True, check=True).stdout


@contextmanager
def running_dockerd(
    *, data_root: Path | None = None, storage_driver: str = "overlay2", options: Sequence[str] = (), **environment: str
) -> Iterator[Dockerd]:
    """A daemon of its own; on the way out its containers are removed, it is ended by its pid, and its folder goes.

    Args:
        data_root: where it keeps images; in its own folder if left out.
        storage_driver: of its classic store.
        options: more of them.
        environment: more variables for the daemon, say HTTPS_PROXY.
    """
    folder = Path(tempfile.mkdtemp(prefix="onbox-dockerd-"))
    # fmt: off
    argv = [
        "dockerd", "--data-root", str(data_root or folder / "data"), "--exec-root", f"{folder}/exec",
        "--pidfile", f"{folder}/docker.pid", "-H", f"unix://{folder}/docker.sock",
        "--iptables=false", "--ip6tables=false", "--bridge=none", "--ip-forward=false", "--ip-masq=false",
        "--userland-proxy=false", "--storage-driver", storage_driver, *options,
    ]
    # fmt: on
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            argv, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, env={**os.environ, **environment}
        )
    daemon = Dockerd(folder, process.pid)
    try:
        _wait_ready(daemon, process)
        yield daemon
    finally:
        if process.poll() is None:
            with suppress(AssertionError, subprocess.TimeoutExpired):
                if left := daemon.docker("ps", "-aq").split():
                    daemon.docker("rm", "-f", *left)
        _end(process)
        unmount_below(folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def dockerd() -> Iterator[Dockerd]:
    """One daemon for the session; needs the marker `docker`."""
    with running_dockerd() as daemon:
        yield daemon


def _wait_ready(daemon: Dockerd, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_S
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(AssertionError):
            daemon.docker("info")
            return
        time.sleep(0.1)
    pytest.fail(f"dockerd did not come up: {(daemon.folder / 'log').read_text()[-2000:]}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """TERM first: the daemon ends its containerd itself."""
    process.terminate()
    try:
        process.wait(GONE_S)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(GONE_S)


def unmount_below(folder: Path) -> None:
    """Mounts that a killed daemon left behind, the deepest first."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((each for each in mounts if each.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "-l", mount], capture_output=True, check=False)
