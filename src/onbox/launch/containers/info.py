"""What docker and podman say of a container and of an image, typed; the JSON is that of their `inspect`."""

from dataclasses import dataclass, field
from typing import Any

ARCH_LIST = "TORCH_CUDA_ARCH_LIST"
"""In an image's environment: the chips that its kernels were built for."""


@dataclass(frozen=True)
class ContainerInfo:
    """A container, whether it runs or not."""

    program: str
    """`docker` or `podman`."""
    id: str
    name: str
    pid: int | None
    """Its first process on this box; None for one that does not run."""
    image: str
    command: tuple[str, ...]
    labels: dict[str, str] = field(default_factory=dict)
    removed_at_end: bool = False
    """It was started with `--rm`: once it is stopped nobody can start it again."""
    status: str = "unknown"
    """`running`, `exited`, ..., as the program says it."""
    exit_code: int | None = None
    """None while it runs."""


@dataclass(frozen=True)
class ImageInfo:
    """An image that is on this box."""

    id: str
    architecture: str
    digests: tuple[str, ...]
    """Of its manifests, as far as the daemon kept them; a loaded image may have none."""
    size_bytes: int
    kernels: tuple[str, ...] | None
    """Chips as compute capabilities, like `12.1a` or `9.0+PTX`; None when the image does not tell."""
    names: tuple[str, ...] = ()
    """With their tags."""
    labels: dict[str, str] = field(default_factory=dict)
    created: str = ""


def container_of(program: str, given: dict[str, Any]) -> ContainerInfo:
    """One element of `docker inspect --type container`; what is missing is empty."""
    config, state = given.get("Config") or {}, given.get("State") or {}
    running = bool(state.get("Running", False))
    code = state.get("ExitCode")
    return ContainerInfo(
        program=program,
        id=str(given.get("Id", "")),
        name=str(given.get("Name", "")).lstrip("/"),
        pid=int(state.get("Pid") or 0) or None,
        image=str(config.get("Image") or ""),
        command=(str(given.get("Path", "")), *map(str, given.get("Args") or ())),
        labels={str(name): str(value) for name, value in (config.get("Labels") or {}).items()},
        removed_at_end=bool((given.get("HostConfig") or {}).get("AutoRemove")),
        status=str(state.get("Status") or "unknown"),
        exit_code=code if isinstance(code, int) and not running else None,
    )


def image_of(given: dict[str, Any]) -> ImageInfo:
    """One element of `docker image inspect`."""
    variables = dict(each.split("=", 1) for each in (given.get("Config") or {}).get("Env") or [] if "=" in each)
    listed = variables.get(ARCH_LIST)
    return ImageInfo(
        id=str(given.get("Id", "")),
        architecture=str(given.get("Architecture", "")),
        digests=tuple(each.rpartition("@")[2] for each in given.get("RepoDigests") or []),
        size_bytes=int(given.get("Size") or 0),
        kernels=tuple(listed.replace(";", " ").split()) if listed else None,
        names=tuple(map(str, given.get("RepoTags") or ())),
        labels={str(name): str(value) for name, value in ((given.get("Config") or {}).get("Labels") or {}).items()},
        created=str(given.get("Created") or ""),
    )
