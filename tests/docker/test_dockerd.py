"""The daemon that other tests rely on."""

from pathlib import Path

import psutil
import pytest

from tests.dockerd import Dockerd, running_dockerd

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]


def test_a_container_of_the_imported_image_runs(dockerd: Dockerd) -> None:
    image = dockerd.busybox()

    message = dockerd.docker("run", "--rm", "--pull", "never", "--network", "none", image, "/bin/echo", "hello")

    assert message == "hello"


def test_nothing_of_a_daemon_is_left() -> None:
    with running_dockerd() as daemon:
        daemon.docker(
            "run", "-d", "--pull", "never", "--network", "none", daemon.busybox(), "/bin/busybox", "sleep", "600"
        )
        assert len(naming(daemon.folder)) >= 3  # the daemon, its containerd, the container's shim

    assert naming(daemon.folder) == []
    assert not daemon.folder.exists()
    assert str(daemon.folder) not in Path("/proc/mounts").read_text()


def naming(folder: Path) -> list[list[str]]:
    """Command lines that hold the folder's name; a container's shim is no child of the daemon."""
    lines = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if any(str(folder) in word for word in line)]
