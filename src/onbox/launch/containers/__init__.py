"""The one adapter for docker and podman: every question to them, and every command, goes through here.

Two things stand elsewhere, for a reason. The command lines that start an engine or build its image are written by
`onbox.engines.launchers`, as a part of what `onbox up --print` shows. And a supervisor ends its own container by
`onbox.supervisor.container_end`, with nothing but the standard library, when there is least memory left.
"""

from onbox.launch.containers.client import (
    PROGRAMS,
    ContainerClient,
    find_container,
    installed_clients,
    running_containers,
)
from onbox.launch.containers.info import ContainerInfo, ImageInfo

__all__ = [
    "PROGRAMS",
    "ContainerClient",
    "ContainerInfo",
    "ImageInfo",
    "find_container",
    "installed_clients",
    "running_containers",
]
