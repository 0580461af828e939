"""The same tests with docker and with podman."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.dockerd import DOCKER
from tests.e2e.conftest import plugin_env

__all__ = ["Client", "client", "plugin_env"]


@dataclass(frozen=True)
class Client:
    """One of the two, with a daemon or a store of the tests' own behind it; the environment leads to it."""

    program: str
    ask: Callable[..., str]
    """Runs it and returns what it printed."""
    busybox: Callable[..., str]

    def names(self) -> list[str]:
        """Of all containers."""
        return self.ask("ps", "--all", "--format", "{{.Names}}").split()


@pytest.fixture(params=["docker", pytest.param("podman", marks=pytest.mark.podman)])
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Client:
    # The other one's containers must not come into it.
    monkeypatch.setattr("onbox.launch.containers.client.PROGRAMS", (request.param,))
    if request.param == "docker":
        daemon = request.getfixturevalue("dockerd")
        monkeypatch.setenv("DOCKER_HOST", daemon.host)
        monkeypatch.setenv("PATH", f"{Path(DOCKER).parent}:{os.environ['PATH']}")
        return Client("docker", daemon.docker, daemon.busybox)
    store = request.getfixturevalue("podman")
    for name, value in store.variables.items():
        monkeypatch.setenv(name, value)
    return Client("podman", store.podman, store.busybox)
