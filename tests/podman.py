"""A store of podman of the tests' own, and the set-up that a box may need to run it: nothing of it left afterwards.

Tests that use the fixture `podman` carry the marker `podman`. There is no daemon: the store is named by two variables.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.dockerd import busybox_tar, unmount_below

STORAGE = """
[storage]
driver = "overlay"
runroot = "{folder}/run"
graphroot = "{folder}/graph"
"""
SETTINGS = """
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{folder}/tmp"
"""
"""A virtual machine without systemd whose root may not raise limits; docs/recipes.md tells of this file."""


@dataclass(frozen=True)
class Podman:
    """A store."""

    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        """What a process needs to see this store and no other."""
        return {
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
        }

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.variables}

    def podman(self, *arguments: str, stdin: bytes | None = None, timeout_s: float = 120.0) -> str:
        """Run podman; return what it printed.

        Raises:
            AssertionError: it failed; the message is what it said.
        """
        done = subprocess.run(
            ["podman", *arguments],
            input=stdin,
            capture_output=True,
            env=self.environment,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0, f"podman {' '.join(arguments)}: {done.stderr.decode()}"
        return done.stdout.decode().strip()

    def busybox(self, name: str = "busybox:local", cmd: str = '["/bin/sh"]') -> str:
        """As `Dockerd.busybox`."""
        self.podman("import", "-c", f"CMD {cmd}", "-", name, stdin=busybox_tar())
        return name


@contextmanager
def podman_store() -> Iterator[Podman]:
    """A store of its own; on the way out its containers and it are removed."""
    folder = Path(tempfile.mkdtemp(prefix="onbox-podman-"))
    (folder / "storage.conf").write_text(STORAGE.format(folder=folder))
    (folder / "containers.conf").write_text(SETTINGS.format(folder=folder))
    store = Podman(folder)
    try:
        yield store
    finally:
        store.podman("rm", "--all", "--force", "--time", "0")
        unmount_below(folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    """One store for the session; needs the marker `podman`."""
    with podman_store() as store:
        yield store
