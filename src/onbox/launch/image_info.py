"""What the container's daemon here knows of an image, without asking any registry."""

import json
import platform
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any

ANSWER_S = 10.0
MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
"""`uname -m` -> the name that images use."""
ARCH_LIST = "TORCH_CUDA_ARCH_LIST"
"""In an image's environment: the chips that its kernels were built for."""


@dataclass(frozen=True)
class ImageInfo:
    """An image that is here."""

    id: str
    architecture: str
    digests: tuple[str, ...]
    """Of its manifests, as far as the daemon kept them; a loaded image may have none."""
    size_bytes: int
    kernels: tuple[str, ...] | None
    """Chips as compute capabilities, like `12.1a` or `9.0+PTX`; None when the image does not tell."""


def image(program: str, reference: str) -> ImageInfo | None:
    """The image, as `docker image inspect` tells it; None when it is not here or nobody answers."""
    if shutil.which(program) is None:
        return None
    try:
        done = subprocess.run(
            [program, "image", "inspect", reference],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=ANSWER_S, check=False,
        )  # fmt: skip
        told: Any = json.loads(done.stdout) if done.returncode == 0 else []
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    if not told:
        return None
    first: dict[str, Any] = told[0]
    variables = dict(each.split("=", 1) for each in (first.get("Config") or {}).get("Env") or [] if "=" in each)
    listed = variables.get(ARCH_LIST)
    return ImageInfo(
        id=str(first.get("Id", "")),
        architecture=str(first.get("Architecture", "")),
        digests=tuple(each.rpartition("@")[2] for each in first.get("RepoDigests") or []),
        size_bytes=int(first.get("Size") or 0),
        kernels=tuple(listed.replace(";", " ").split()) if listed else None,
    )


def daemon_answers(program: str) -> bool:
    """Whether the daemon (for podman, the program) is there."""
    if shutil.which(program) is None:
        return False
    try:
        done = subprocess.run(
            [program, "version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=ANSWER_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def machine() -> str:
    """This box's architecture by the name that images use."""
    return MACHINES.get(platform.machine(), platform.machine())


def runs_on(kernels: tuple[str, ...], chip: str) -> bool:
    """Whether kernels for one of these chips run on `chip` (like `12.1`): its own, or PTX of an older one."""
    at = _number(chip)
    for each in kernels:
        bare = each.removesuffix("+PTX")
        if _number(bare) == at or (each.endswith("+PTX") and _number(bare) <= at and bare[-1:].isdigit()):
            return True
        # Binary code runs on later chips of the same generation, unless it is of the kind bound to one chip (a).
        if _number(bare)[0] == at[0] and _number(bare) <= at and not bare.endswith("a"):
            return True
    return False


def _number(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major or 0), int("".join(char for char in minor if char.isdigit()) or 0)
