"""What an image is made from: a folder, a Dockerfile in it, and what is asked of both."""

import hashlib
import stat
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from onbox.recipes.base import RecipePart


class Build(RecipePart):
    """How `docker build` or `podman build` makes the image, once for the same inputs."""

    context: str
    """A folder, relative to the recipe."""
    dockerfile: str = "Dockerfile"
    """Relative to the context."""
    arguments: dict[Annotated[str, Field(pattern=r"^\w+$")], str] = Field(default_factory=dict)
    """Values of the Dockerfile's ARGs."""
    target: str = ""
    """The stage to stop at; empty is the last one."""
    network: Literal["none", "default", "host"] = "none"
    """What the steps may reach."""
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Of all of this and every file of the context; set by onbox."""

    @property
    def path(self) -> Path:
        """The Dockerfile."""
        return Path(self.context) / self.dockerfile


def inputs_sha256(build: Build, platform: str) -> str:
    """The hash of all that the image follows from: the settings, and each file's name, execute bit and content.

    What a `.dockerignore` leaves out is hashed too. What a step fetches from a network is not.

    Raises:
        OSError: a file cannot be read.
    """
    settings = build.model_copy(update={"context": "", "sha256": ""}).model_dump_json()
    whole = hashlib.sha256(f"{settings}\0{platform}\n".encode())
    root = Path(build.context)
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            whole.update(f"{name}\0link\0{path.readlink()}\n".encode())
        elif path.is_file():
            executable = "x" if path.stat().st_mode & stat.S_IXUSR else "-"
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            whole.update(f"{name}\0{executable}\0{content}\n".encode())
    return whole.hexdigest()
