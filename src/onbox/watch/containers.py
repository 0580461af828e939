"""A container, asked of docker or podman by their own client: its process, its group, its log, how it ended."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any

from onbox.errors import BoxError, UsageError
from onbox.watch.cgroups import group_of

CLIENTS = ("docker", "podman")
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Container:
    """A container that runs."""

    client: str
    """`docker` or `podman`."""
    id: str
    name: str
    pid: int
    group: str
    """Its control group; empty where it shares one with others."""

    def exit_code(self) -> int | None:
        """Its exit code; None while it runs, or where that is not known any more."""
        state = _inspect(self.client, self.id).get("State", {})
        return None if state.get("Running", False) else state.get("ExitCode")

    def follow(self) -> "subprocess.Popen[bytes]":
        """A process that prints what the container says, its last lines first."""
        return subprocess.Popen(
            [self.client, "logs", "--follow", "--tail", "200", self.id],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )


def find_container(name: str) -> Container:
    """The running container of that name or id.

    Raises:
        BoxError: neither docker nor podman is here.
        UsageError: no such container, or it does not run.
    """
    clients = [client for client in CLIENTS if shutil.which(client)]
    if not clients:
        raise BoxError(f"{name}: neither docker nor podman is on this box", "install one, or watch by --pid")
    for client in clients:
        told = _inspect(client, name)
        if told:
            state = told.get("State", {})
            pid = int(state.get("Pid") or 0)
            if not pid:
                raise UsageError(f"{name}: the container does not run: {state.get('Status', 'unknown')}")
            return Container(client, told.get("Id", name), told.get("Name", name).lstrip("/"), pid, group_of(pid))
    raise UsageError(f"{name}: no such container", f"{clients[0]} ps lists those that run")


def _inspect(client: str, name: str) -> dict[str, Any]:
    """What the engine says of a container; empty when there is none, or the engine does not answer."""
    try:
        done = subprocess.run(
            [client, "inspect", "--type", "container", name], capture_output=True, timeout=TIMEOUT_S, check=True
        )
        told = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}
    return told[0] if isinstance(told, list) and told and isinstance(told[0], dict) else {}
