"""The containers that run on this box now, as docker and podman tell of them."""

import json
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from onbox.watch.containers import CLIENTS

ANSWER_S = 10.0


@dataclass(frozen=True)
class ContainerInfo:
    """A container that runs."""

    client: str
    """`docker` or `podman`."""
    id: str
    name: str
    pid: int | None
    image: str
    words: tuple[str, ...]
    """Its command."""
    labels: dict[str, str] = field(default_factory=dict)
    removed_at_end: bool = False
    """It was started with `--rm`: once it is stopped nobody can start it again."""


def running_containers() -> tuple[ContainerInfo, ...]:
    """All of them, those of docker first; none where neither client is here or answers."""
    found: dict[str, ContainerInfo] = {}
    for client in CLIENTS:
        if shutil.which(client) is None:
            continue
        names = _ask(client, "ps", "--quiet", "--no-trunc").split()
        told: Any = []
        with suppress(ValueError):
            told = json.loads(_ask(client, "inspect", "--type", "container", *names)) if names else []
        for each in told:
            # A `docker` that is podman under another name tells of the same ones.
            found.setdefault(each["Id"], _of(client, each))
    return tuple(found.values())


def _of(client: str, told: dict[str, Any]) -> ContainerInfo:
    config = told.get("Config") or {}
    return ContainerInfo(
        client=client,
        id=told["Id"],
        name=str(told.get("Name", "")).lstrip("/"),
        pid=(told.get("State") or {}).get("Pid") or None,
        image=str(config.get("Image") or ""),
        words=(str(told.get("Path", "")), *map(str, told.get("Args") or ())),
        labels=config.get("Labels") or {},
        removed_at_end=bool((told.get("HostConfig") or {}).get("AutoRemove")),
    )


def _ask(client: str, *arguments: str) -> str:
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            [client, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=ANSWER_S, check=False
        )
        return done.stdout.decode("utf-8", "replace")
    return ""
